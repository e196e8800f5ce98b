"""The generic folder and CSV file, and what the parsers of names do with any text."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distortion_heads.datasets.clips import is_video
from distortion_heads.datasets.load import load_corpus
from distortion_heads.datasets.published import csiq, files, kadid, live, livemd, lvq, tid
from distortion_heads.errors import DataError
from helpers import corpora_layouts as layouts


def labels(folder: Path) -> dict[str, tuple[str, ...]]:
    return {record.path.name: record.labels for record in load_corpus(folder).records}


def test_folder_per_label(tmp_path: Path) -> None:
    for name in ("Rain drops/deep/a.png", "fog+Rain drops/b.jpg", "clean/a.png", "clean/b.png", "clean/c.png",
                 "fog/c_fog.png", ".hidden/x.png"):  # fmt: skip
        layouts.picture(tmp_path / name)
    found = load_corpus(tmp_path)
    assert (found.name, found.labels) == ("folder", ("fog", "rain_drops"))
    assert {(record.path.parent.name, record.labels) for record in found.records} == {
        ("deep", ("rain_drops",)),
        ("fog+Rain drops", ("fog", "rain_drops")),
        ("fog", ("fog",)),
        ("clean", ()),
    }
    assert {record.path.name: record.scene for record in found.records} == {
        "a.png": "a",
        "b.jpg": "b",
        "b.png": "b",
        "c.png": "c",
        "c_fog.png": "c",
    }
    assert all(math.isnan(severity) for record in found.records for severity in record.severities.values())


def test_a_folder_is_read_by_content_and_says_what_it_cannot_read(tmp_path: Path) -> None:
    for name in ("clean/a.png", "rain/a.png"):
        layouts.picture(tmp_path / name)
    for name in ("rain/camera.HEIC", "rain/without_suffix", "rain/clip.mp4"):
        (tmp_path / name).write_bytes((tmp_path / "rain" / "a.png").read_bytes())
    (tmp_path / "rain" / "new.jxl").write_bytes(b"\xff\x0a" + bytes(20))
    (tmp_path / "rain" / "raw.nef").write_bytes(b"nothing known")
    (tmp_path / "rain" / "notes.txt").write_text("it rained")
    (tmp_path / "empty").mkdir()
    found = load_corpus(tmp_path)
    assert {record.path.name for record in found.records} == {"a.png", "camera.HEIC", "without_suffix", "clip.mp4"}
    assert not any(is_video(record) for record in found.records)
    assert {item.path.name: item.reason.partition(":")[0] for item in found.unread} == {
        "new.jxl": "cannot be read here",
        "raw.nef": "cannot be read here",
    }


def test_folder_without_clean_must_be_asked_for(tmp_path: Path) -> None:
    layouts.picture(tmp_path / "rain" / "a.png")
    with pytest.raises(DataError, match="clean/"):
        load_corpus(tmp_path)
    assert load_corpus(tmp_path, "folder").labels == ("rain",)


def test_folder_names_must_be_labels(tmp_path: Path) -> None:
    layouts.picture(tmp_path / "clean" / "a.png")
    (tmp_path / "negative").mkdir()
    with pytest.raises(DataError, match="name their labels"):
        load_corpus(tmp_path)
    (tmp_path / "negative").rmdir()
    (tmp_path / "3d").mkdir()
    with pytest.raises(DataError, match="'3d'"):
        load_corpus(tmp_path)


def test_csv_of_names(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "sub/c.png"):
        layouts.picture(tmp_path / name)
    elsewhere = layouts.picture(tmp_path / "other" / "d.png")
    file = layouts.text(
        tmp_path / "sub" / "list.csv",
        ["Path,Label,Severity,Reference,mos,level", "../a.png,jpeg+fog,2.5,../b.png,61.5,3", "../b.png,clean,,,,",
         "c.png,,,,,", f"{elsewhere},fog,,,,"],
    )  # fmt: skip
    found = load_corpus(file)
    assert labels(file) == {"a.png": ("fog", "jpeg"), "b.png": (), "c.png": (), "d.png": ("fog",)}
    first = next(record for record in found.records if record.path.name == "a.png")
    assert (first.severities, first.level, first.mos) == ({"jpeg": 2.5, "fog": 2.5}, 3, 61.5)
    assert first.reference == tmp_path / "sub" / ".." / "b.png"


def test_csv_of_columns_and_groups(tmp_path: Path) -> None:
    for name in "abc":
        layouts.picture(tmp_path / f"{name}.png")
    file = layouts.text(tmp_path / "l.csv", ["path,fog,White-noise,group", "a.png,1,1,s", "b.png,0,1,s", "c.png,0,0,"])
    found = load_corpus(file)
    assert found.labels == ("fog", "white_noise")
    assert labels(file) == {"a.png": ("fog", "white_noise"), "b.png": ("white_noise",), "c.png": ()}
    assert [record.scene for record in found.records] == ["s", "s", "c"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["label", "jpeg"], "line 1: no column path"),
        (["path,path,label", "a.png,a.png,jpeg"], "occurs twice"),
        (["path,label", "a.png,1"], "line 2: the label is '1'"),
        (["path,fog", "a.png,yes"], "line 2: the cell of 'fog' is 'yes'"),
        (["path,label", "b.png,jpeg"], r"line 2: no such file: 'b\.png'"),
        (["path,label", ",jpeg"], "line 2: no such file"),
        (["path,label,severity", "a.png,jpeg,6"], "line 2: the severity 6"),
        (["path,label,mos", "a.png,jpeg,nan"], "line 2: the mos is 'nan'"),
        (["path,label", "a.png,jpeg", "a.png,fog"], "listed twice"),
        (["path,label", "a.png,jpeg,more"], "line 2: 3 cells for 2 columns"),
        (["path,label", f"a.png,{'x' * 5000}"], "more than 4096 characters"),
        (["path,label", f"a.png,{'x' * 200_000}"], "field larger than"),
        (["path,label", "a.png,A!"], "line 2: label 'a!'"),
        (["path,label"], "no picture"),
    ],
)
def test_csv_errors_name_the_line(rows: list[str], message: str, tmp_path: Path) -> None:
    layouts.picture(tmp_path / "a.png")
    with pytest.raises(DataError, match=message):
        load_corpus(layouts.text(tmp_path / "l.csv", rows))


def test_csv_must_be_text(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(b"path,label\n\xff\xfe,jpeg\n")
    with pytest.raises(DataError, match="UTF-8"):
        load_corpus(tmp_path / "l.csv")


def test_tables_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layouts.picture(tmp_path / "a.png")
    file = layouts.text(tmp_path / "l.csv", ["path,label", *["a.png,jpeg"] * 20])
    monkeypatch.setattr(files, "MAX_RECORDS", 10)
    with pytest.raises(DataError, match="more than 10 lines"):
        load_corpus(file)
    monkeypatch.setattr(files, "MAX_TABLE_BYTES", 50)
    with pytest.raises(DataError, match="larger than"):
        load_corpus(file)


@pytest.mark.parametrize("name", ["../I01.png", "images/I01.png", "..", "", "a\\b.png", "a\0b"])
def test_lists_of_datasets_hold_plain_names(name: str) -> None:
    with pytest.raises(DataError, match="no plain file name"):
        files.plain_name(name, "here")


@given(st.text(max_size=40))
def test_parsers_of_names_take_any_text(name: str) -> None:
    for parse in (kadid.parse_name, tid.parse_name, csiq.parse_name, live.parse_name, livemd.parse_name):
        parse(name)
    lvq.parse_name(Path(name.replace("\0", "") or "x"))


CASES = st.sampled_from((str.lower, str.upper, str.title))


@given(st.integers(1, 99), st.integers(0, 40), st.integers(0, 9), CASES)
def test_kadid_and_tid_names(scene: int, kind: int, level: int, case: object) -> None:
    assert callable(case)
    in_kadid, in_tid = 1 <= kind <= 25, 1 <= kind <= 24
    wanted = (f"I{scene:02d}", kadid.TYPES[kind - 1], level) if in_kadid and 1 <= level <= 5 else None
    assert kadid.parse_name(case(f"i{scene:02d}_{kind:02d}_{level:02d}.png")) == wanted
    wanted = (f"I{scene:02d}", tid.TYPES[kind - 1], level) if in_tid and 1 <= level <= 5 else None
    assert tid.parse_name(case(f"i{scene:02d}_{kind:02d}_{level}.bmp")) == wanted


@given(st.from_regex(r"[a-z0-9_]{1,12}", fullmatch=True), st.sampled_from(sorted(csiq.TYPES)), st.integers(0, 9), CASES)
def test_csiq_names(scene: str, kind: str, level: int, case: object) -> None:
    assert callable(case)
    wanted = (scene, csiq.TYPES[kind], level) if 1 <= level <= 5 else None
    assert csiq.parse_name(case(f"{scene}.{kind}.{level}.png")) == wanted


@given(
    st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    st.integers(0, 3),
    st.sampled_from(("jpeg", "noise")),
    st.integers(0, 3),
)
def test_livemd_names(scene: str, blur: int, second: str, level: int) -> None:
    name = livemd.parse_name(f"{scene}_blur{blur}_{second}{level}.bmp")
    assert name is not None
    assert name.scene == scene
    labels = {"gaussian_blur": blur, livemd.TYPES[second]: level}
    assert name.levels == {label: value for label, value in labels.items() if value}
