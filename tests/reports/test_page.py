"""The page of `dheads report`: what it holds, and that a browser shows, sorts and filters it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distortion_heads.answers import QualityResult
from distortion_heads.reports.page import MOST_INSIDE, Setting, page_text, summarise, write_page
from distortion_heads.reports.page_entries import PageEntry, error_entry, qualities_of, thumbnail
from distortion_heads.video.answers import VideoQuality
from helpers.browser import ELEMENT, Browser, missing, open_browser

pytest.importorskip("jinja2")

HOSTILE = "<img src=x onerror=\"document.title='taken'\">'</script><script>document.title='taken'</script>.png"
SETTING = Setting(
    title="Faults <b>here</b>",
    families=("blur", "noise"),
    qualities=("quality", "other"),
    facts={"Version": "1 <i>", "Command": "x"},
)


def entry(path: str, blur: float, noise: float = 0.1, quality: float | None = None, thumb: bytes = b"") -> PageEntry:
    """A picture that has blur from 0.5 on, with a map of it."""
    present = blur >= 0.5
    data: dict[str, Any] = {
        "path": path,
        "width": 64,
        "height": 48,
        "state": "distorted" if present else "clean",
        "families": {
            "blur": [blur, 3.0, present, "lens blur 90 %" if present else ""],
            "noise": [noise, 1.0, False, ""],
        },
        "notes": [],
        "maps": {"blur": MAP} if present else {},
    }
    qualities = () if quality is None else (opinion("quality", quality), opinion("other", 6 - quality))
    data |= qualities_of(qualities)
    return PageEntry(
        state=data["state"],
        data=data,
        thumbnails=(thumb or thumbnail(np.full((48, 64, 3), 200, np.uint8)),),
        families={"blur": 3.0} if present else {},
        qualities=qualities,
    )


def opinion(label: str, value: float) -> QualityResult:
    return QualityResult(label=label, value=value, low=1, high=5, target="people")


MAP = {
    "rows": 1,
    "columns": 2,
    "values": "AP8=",
    "box": [0, 0, 1, 1],
    "worst": [0.75, 0.5],
    "areas": [[32, 0, 32, 48, 0.9]],
    "rough": False,
}


def held(text: str) -> dict[str, Any]:
    """Return the data that a page holds."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found is not None
    value: dict[str, Any] = json.loads(found[1])
    return value


def test_the_page_holds_all_entries_and_reaches_for_nothing() -> None:
    text = page_text([entry("a.png", 0.9), error_entry("b.png", "not an image")], SETTING)
    assert [row["path"] for row in held(text)["rows"]] == ["a.png", "b.png"]
    assert "not an image" in text
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|WebSocket", text)
    assert "http://www.w3.org/2000/svg" in text
    assert len(re.findall(r"https?://", text)) == 1


def test_names_and_facts_are_escaped() -> None:
    text = page_text([entry(HOSTILE, 0.9), error_entry(HOSTILE, HOSTILE)], SETTING)
    assert "<img src=x" not in text
    assert "<b>here" not in text
    assert "1 <i>" not in text
    assert text.count("<script") == 2
    assert held(text)["rows"][0]["path"] == HOSTILE


def test_names_that_are_no_utf8_are_written(tmp_path: Path) -> None:
    write_page(tmp_path / "r.html", [error_entry("b\udcff.png", "bad")], SETTING)
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "b\\udcff.png</b>" in text
    assert held(text)["rows"][0]["path"] == "b\udcff.png"


def test_the_script_is_short_and_never_writes_html() -> None:
    text = page_text([], SETTING)
    script = text.rsplit("<script>", 1)[1].split("</script>")[0]
    assert len(script.splitlines()) < 300
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)


def test_the_summary_counts_what_was_judged() -> None:
    rows = summarise([entry("a", 0.9), entry("b", 0.2), entry("c", 0.7), error_entry("d", "x")], ("noise", "blur"))
    assert [(row.family, row.present, round(row.share, 3), row.severity) for row in rows] == [
        ("blur", 2, 0.667, 3.0),
        ("noise", 0, 0.0, None),
    ]


def test_quality_has_a_histogram_where_there_is_quality() -> None:
    assert 'class="histogram"' not in page_text([entry("a", 0.9)], SETTING)
    text = page_text([entry("a", 0.9, quality=1.0), entry("b", 0.1, quality=5.0)], SETTING)
    assert text.count("<title>") == 1 + 2 * 16
    assert re.findall(r"<h2>(Quality.*?)</h2>", text) == ["Quality, mean 3.00", "Quality: other, mean 3.00"]


def test_many_pictures_lie_in_a_folder_beside(tmp_path: Path) -> None:
    large = bytes(MOST_INSIDE // 4)
    folder = write_page(tmp_path / "r.html", [entry(f"{i}", 0.9, thumb=large) for i in range(4)], SETTING)
    assert folder == tmp_path / "r_files"
    assert len(list(folder.iterdir())) == 4
    data = held((tmp_path / "r.html").read_text())
    assert data["rows"][3]["thumbs"] == ["000003-0.webp"]
    assert (folder / data["rows"][3]["thumbs"][0]).exists()
    assert write_page(tmp_path / "s.html", [entry("a", 0.9)], SETTING) is None


NAMES = """return new Promise((done) => {
  const read = () => done(Array.from(document.querySelectorAll('#list .name'), (node) => node.textContent));
  requestAnimationFrame(() => requestAnimationFrame(read));
});"""

REDS = """const c = document.getElementById('canvas');
const data = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
const at = (x) => data[4 * (Math.floor(c.height / 8) * c.width + Math.floor(x * c.width))];
return [at(0.1), at(0.9)];"""


def contrast(first: str, second: str) -> float:
    """Return the ratio of two colours #rrggbb (WCAG 2.2, 1.4.3)."""

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(first), light(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_stands_out_in_light_and_dark() -> None:
    text = page_text([], SETTING)
    themes = [
        dict(re.findall(r"--(\w+): (#\w{6})", block))
        for block in re.findall(r"color-scheme: [^}]*", text.split("</style>")[0])
    ]
    assert len(themes) == 4  # light, dark by the system or by choice, printed
    for theme in themes:
        for ink in ("ink", "muted", "accent"):
            assert contrast(theme[ink], theme["paper"]) >= 4.5, (ink, theme)
            assert contrast(theme[ink], theme["raised"]) >= 4.5, (ink, theme)
        assert contrast(theme["focus"], theme["paper"]) >= 3


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if reason := missing():
        pytest.skip(reason)
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def open_page(browser: Browser, file: Path, entries: Sequence[PageEntry]) -> None:
    """Write a page and open it; nothing may be complained of."""
    write_page(file, entries, SETTING)
    browser.visit(file)
    assert browser.log() == []


def press(browser: Browser, selector: str, keys: str) -> None:
    """Press keys where `selector` is, as a user does."""
    element = browser.ask("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]
    browser.ask("POST", f"/element/{element}/value", {"text": keys})


def text_of(browser: Browser, selector: str) -> str:
    return str(browser.run("return document.querySelector(arguments[0]).textContent", selector))


def names(browser: Browser) -> list[str]:
    """Return the names of the rows that are drawn, once what scrolled is."""
    found: list[str] = browser.run(NAMES)
    return found


DOWN, ENTER, ESCAPE, END = "\ue015", "\ue007", "\ue00c", "\ue010"


def test_a_browser_sorts_and_filters(browser: Browser, tmp_path: Path) -> None:
    rows = [entry("low.png", 0.55), entry("clean.png", 0.2), entry("high.png", 0.95), error_entry("broken.png", "bad")]
    open_page(browser, tmp_path / "r.html", rows)
    assert names(browser) == ["low.png", "clean.png", "high.png", "broken.png"]
    press(browser, '[data-sort="found"]', ENTER)
    assert names(browser)[:2] == ["high.png", "low.png"]
    press(browser, '[data-sort="found"]', ENTER)
    assert names(browser)[-1] == "high.png"
    press(browser, 'button[data-family="blur"]', ENTER)
    assert sorted(names(browser)) == ["high.png", "low.png"]
    press(browser, "#text", "HIGH")
    assert names(browser) == ["high.png"]
    assert text_of(browser, "#count") == "1 of 4"


def test_a_browser_shows_the_map_by_keys_alone(browser: Browser, tmp_path: Path) -> None:
    open_page(browser, tmp_path / "r.html", [entry("a.png", 0.2), entry("b.png", 0.9)])
    press(browser, "#list", DOWN + ENTER)
    assert browser.run("return document.getElementById('detail').open")
    assert text_of(browser, "#detail-name") == "b.png"
    assert text_of(browser, "#maps button:nth-child(2)") == "blur"
    press(browser, "#maps button:nth-child(2)", ENTER)
    browser.wait("return document.getElementById('canvas').dataset.heat === 'true'", 20)
    left, right = browser.run(REDS)
    assert right > left + 20
    assert "32 x 48 at 32, 0" in text_of(browser, "#place")
    press(browser, "#close", ESCAPE)
    assert not browser.run("return document.getElementById('detail').open")
    assert browser.run("return document.activeElement.id") == "list"


def test_a_browser_shows_every_head_of_quality(browser: Browser, tmp_path: Path) -> None:
    open_page(browser, tmp_path / "r.html", [entry(f"{q}.png", 0.9, quality=q) for q in (2.0, 1.5, 4.0)])
    press(browser, '[data-sort="quality"]', ENTER)
    assert names(browser) == ["1.5.png", "2.0.png", "4.0.png"]
    press(browser, "#by", "other")
    assert names(browser) == ["4.0.png", "2.0.png", "1.5.png"]
    assert text_of(browser, "#list .row .number:nth-of-type(4)") == "2.00"
    press(browser, "#list", ENTER)
    assert "quality4.00of 1 to 5other2.00of 1 to 5" in text_of(browser, "#facts")


def test_a_browser_shows_the_worst_second_of_a_video(browser: Browser, tmp_path: Path) -> None:
    clip = entry("clip.mp4", 0.9)
    curve = np.array([4, 4, 2, np.nan], np.float32)
    quality = VideoQuality(
        label="quality", value=3.5, low=1, high=5, target="people", worst=1.75, worst_time=62.5, curve=curve
    )
    video = {"start": 60.0, "end": 64.0, "families": {}}
    data = {**clip.data, "video": video, "shots": [], **qualities_of([quality])}
    open_page(browser, tmp_path / "r.html", [replace(clip, data=data, qualities=(quality,))])
    press(browser, "#list", ENTER)
    assert "quality3.50of 1 to 5worst second 1.75 at 1:02.5" in text_of(browser, "#facts")
    assert text_of(browser, "#timeline h3") == "quality, mean 3.50"
    points = browser.run("return document.querySelector('#timeline .curve').getAttribute('points')")
    assert points == "125,25 375,25 625,75"


def test_hostile_names_stay_text_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    open_page(browser, tmp_path / "r.html", [entry(HOSTILE, 0.9), error_entry(HOSTILE, HOSTILE)])
    press(browser, "#list", ENTER)
    assert text_of(browser, "#detail-name") == HOSTILE
    assert browser.run("return document.title") == "Faults <b>here</b>"
    assert browser.run("return document.querySelectorAll('img[onerror]').length") == 0


def test_ten_thousand_rows_scroll(browser: Browser, tmp_path: Path) -> None:
    thumb = thumbnail(np.full((48, 64, 3), 90, np.uint8))
    rows = [entry(f"{i:05}.png", i / 10000, thumb=thumb) for i in range(10000)]
    open_page(browser, tmp_path / "r.html", rows)
    press(browser, "#list", END)
    assert names(browser)[-1] == "09999.png"
    assert len(names(browser)) < 60
    press(browser, '[data-sort="found"]', ENTER)
    assert names(browser)[0] == "09999.png"
    assert text_of(browser, "#count") == "10000 of 10000"


def test_light_and_dark_can_be_chosen(browser: Browser, tmp_path: Path) -> None:
    open_page(browser, tmp_path / "r.html", [entry("a.png", 0.9)])
    paper = "return getComputedStyle(document.body).backgroundColor"
    first = browser.run(paper)
    press(browser, "#theme", ENTER)
    assert {first, browser.run(paper)} == {"rgb(255, 255, 255)", "rgb(20, 23, 28)"}


def test_printing_lists_the_rows(browser: Browser, tmp_path: Path) -> None:
    open_page(browser, tmp_path / "r.html", [entry("a.png", 0.9), entry("b.png", 0.1)])
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("return Array.from(document.querySelectorAll('#paper tr'), (row) => row.textContent)") == [
        "a.pngblur 0.90, severity 3.0 (lens blur 90 %)",
        "b.pngclean",
    ]
    assert len(browser.ask("POST", "/print", {})) > 1000


def test_a_dark_page_is_printed_dark_on_white(browser: Browser, tmp_path: Path) -> None:
    open_page(browser, tmp_path / "r.html", [entry("a.png", 0.9)])
    browser.run("document.documentElement.dataset.theme = 'dark'")
    dark = "return getComputedStyle(document.body).color"
    assert browser.run(dark) == "rgb(232, 234, 238)"
    devtools = {"cmd": "Emulation.setEmulatedMedia", "params": {"media": "print"}}
    browser.ask("POST", "/goog/cdp/execute", devtools)
    try:
        assert browser.run(dark) == "rgb(0, 0, 0)"
    finally:
        browser.ask("POST", "/goog/cdp/execute", {**devtools, "params": {"media": ""}})
