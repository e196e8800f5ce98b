"""The page for browsers answers as `Predictor` does, and asks nobody else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from distortion_heads import HeatPredictor, Predictor
from helpers import REPOSITORY
from helpers.browser import Browser, missing, open_browser
from helpers.contracts import assert_valid
from helpers.little_pictures import save, scene

pytest.importorskip("onnx")
pytestmark = pytest.mark.slow

EXAMPLES = sorted((REPOSITORY / "examples").glob("*_*.[jp][pn]g"))
MOST_BYTES = 12_000_000
"""Page, model and WebAssembly together."""

SEND = """
const [kind, base64] = arguments;
const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
const data = new DataTransfer();
data.items.add(new File([bytes], `${kind}.png`, {type: 'image/png'}));
document.dispatchEvent(kind === 'paste' ? new ClipboardEvent('paste', {clipboardData: data})
                                        : new DragEvent('drop', {dataTransfer: data}));
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := missing():
        pytest.skip(reason)
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    file = tmp_path_factory.mktemp("page") / "dheads.html"
    done = subprocess.run([sys.executable, REPOSITORY / "scripts" / "web", file], capture_output=True, text=True)
    if "npm" in done.stderr:
        pytest.skip(f"npm has no ONNX Runtime Web: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return file


@pytest.fixture(scope="module")
def browser(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        browser.visit(page)
        browser.wait("return window.dheads.ready")
        yield browser


@pytest.fixture
def answers_after(browser: Browser) -> Any:
    """Do something, wait for `count` more answers and return these."""

    def wait(count: int, act: Any) -> list[dict[str, Any]]:
        before = browser.run("return window.dheads.answers.length")
        act()
        browser.wait(f"return window.dheads.answers.length === {before + count}")
        found: list[dict[str, Any]] = browser.run(f"return window.dheads.answers.slice({before})")
        return found

    return wait


def test_page_model_and_runtime_are_small(page: Path) -> None:
    assert page.stat().st_size < MOST_BYTES


def test_the_examples_are_answered_as_in_python(browser: Browser, answers_after: Any) -> None:
    assert len(EXAMPLES) == 9
    found = answers_after(9, lambda: browser.give_files("#files", EXAMPLES))
    predictor = Predictor(threads=1)
    for file, answer in zip(EXAMPLES, found, strict=True):
        assert_valid("predict", answer)
        expected = predictor.predict(file)
        assert (answer["path"], answer["width"], answer["height"]) == (file.name, expected.width, expected.height)
        assert (answer["windows"], answer["backbone"]) == (expected.windows, expected.backbone)
        for key, said in (("heads", expected.heads), ("families", expected.families)):
            for name, tolerance in (("probability", 1e-3), ("threshold", 1e-6), ("severity", 1e-2)):
                values = [[getattr(one, name) for one in said], [one[name] for one in answer[key]]]
                np.testing.assert_allclose(*values, atol=tolerance, rtol=0, err_msg=f"{file.name} {key} {name}")
        assert [head["label"] for head in answer["heads"]] == [head.label for head in expected.heads]
        for family, one in zip(expected.families, answer["families"], strict=True):
            shares = {kind.label: kind.share for kind in family.kinds}
            assert all(abs(kind["share"] - shares[kind["label"]]) < 1e-3 for kind in one["kinds"])
    shown = browser.run("return document.querySelectorAll('article .answer.present').length")
    assert shown >= sum(family["present"] for answer in found for family in answer["families"])


MAPS = """
const article = document.querySelector('article'), named = Object.entries(article.maps ?? {});
return named.map(([name, map]) => [name, {...map, values: [...map.values]}]);
"""
CLICK = "document.querySelectorAll('article:first-child button.where')[arguments[0]].click()"
DRAWN = """
const canvas = document.querySelector('article:first-child .map canvas');
if (!canvas) return null;
const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
const seen = new Set();
for (let i = 0; i < data.length; i += 4) seen.add(data[i] * 65536 + data[i + 1] * 256 + data[i + 2]);
return {hidden: canvas.parentElement.hidden, colours: seen.size, label: canvas.ariaLabel};
"""


def test_the_maps_of_the_examples_are_those_of_python(browser: Browser, answers_after: Any) -> None:
    predictor = HeatPredictor(threads=1)
    for file in EXAMPLES:
        answers_after(1, lambda file=file: browser.give_files("#files", [file]))
        assert browser.run(MAPS) == []  # none is made before it is asked for
        browser.run(CLICK, 0)
        browser.wait("return document.querySelector('article:first-child .map canvas') !== null")
        found, expected = dict(browser.run(MAPS)), predictor.predict(file)
        assert found.keys() == {family.family for family in expected.families}
        for family, made in found.items():
            heat = expected.heat(family)
            values = np.array(made["values"]).reshape(made["rows"], made["columns"])
            np.testing.assert_allclose(values, heat.values, atol=1e-3, rtol=0, err_msg=f"{file.name} {family}")
            box = (0, 0, made["columns"] * made["right"], made["rows"] * made["down"])
            np.testing.assert_allclose(box, heat.box, atol=1e-2)
            assert made["level"] == pytest.approx(heat.level, abs=1e-3)
            assert made["rough"] == heat.coarse


def half_noisy(file: Path) -> Path:
    """A picture whose right half alone is noisy, so that its map has dark and light places."""
    clean, noisy = (Image.open(REPOSITORY / "examples" / name) for name in ("kitten_clean.jpg", "kitten_noise.png"))
    box = (clean.width // 2, 0, clean.width, clean.height)
    clean.paste(noisy.convert("RGB").crop(box), box)
    clean.save(file)
    return file


def test_a_map_is_drawn_and_put_away(browser: Browser, answers_after: Any, tmp_path: Path) -> None:
    answers_after(1, lambda: browser.give_files("#files", [half_noisy(tmp_path / "half.png")]))
    browser.run(CLICK, 0)
    browser.wait("return document.querySelector('article:first-child .map canvas') !== null")
    drawn = browser.run(DRAWN)
    assert not drawn["hidden"]
    assert drawn["colours"] > 1000
    assert drawn["label"] == "Where there is noise"
    browser.run(CLICK, 1)
    browser.wait(
        "return document.querySelector('article:first-child .map canvas').ariaLabel !== 'Where there is noise'"
    )
    pressed = browser.run(
        "return [...document.querySelectorAll('article:first-child button.where')].map((b) => b.ariaPressed)"
    )
    assert pressed.count("true") == 1
    assert pressed[1] == "true"
    browser.run(CLICK, 1)
    browser.wait("return document.querySelector('article:first-child .map').hidden")
    assert not browser.run("return document.querySelector('article:first-child img').hidden")


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_pictures_are_pasted_and_dropped(browser: Browser, answers_after: Any, tmp_path: Path, kind: str) -> None:
    import base64

    picture = save(tmp_path / "picture.png", scene(5, 80))
    text = base64.b64encode(picture.read_bytes()).decode()
    [answer] = answers_after(1, lambda: browser.run(SEND, kind, text))
    assert answer["path"] == f"{kind}.png"
    assert len(answer["heads"]) > 40


def test_the_camera_gives_a_picture(browser: Browser, answers_after: Any) -> None:
    browser.run("document.getElementById('camera').click()")
    browser.wait("return document.getElementById('video').videoWidth > 0", 30)
    [answer] = answers_after(1, lambda: browser.run("document.getElementById('shoot').click()"))
    assert answer["path"].startswith("camera ")
    assert answer["width"] >= 320
    browser.run("document.getElementById('stop').click()")
    assert browser.run("return document.getElementById('viewfinder').hidden")


def test_what_cannot_be_judged_is_said(browser: Browser, answers_after: Any, tmp_path: Path) -> None:
    broken, flat = tmp_path / "broken.png", tmp_path / "flat.png"
    broken.write_bytes(b"no picture")
    Image.new("RGB", (200, 200), (5, 90, 30)).save(flat)
    first, second = answers_after(2, lambda: browser.give_files("#files", [broken, flat]))
    assert_valid("predict", first)
    assert_valid("predict", second)
    assert first == {"path": "broken.png", "error": "this browser cannot read it as a picture"}
    assert second["reason"] == "too little to judge: almost no structure"
    text = browser.run("return document.getElementById('answers').innerText")
    assert "Not judged: this browser cannot read it as a picture" in text
    assert "Not judged: too little to judge: almost no structure" in text


def test_nothing_is_asked_of_anyone(browser: Browser) -> None:
    places = browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [place for place in places if not place.startswith(("blob:", "data:"))] == []
    assert [line for line in browser.log() if "Refused" in line or "Error" in line] == []
