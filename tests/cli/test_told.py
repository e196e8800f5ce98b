"""What was left out, judged in part or changed before it was judged is said in every format."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads.heads.head import Threshold
from distortion_heads.spec import BackboneRef
from helpers.command_line import Dheads, attach, write_picture
from helpers.video_clips import write_clip

BOTH = ("--heads", "always,never_here")


@pytest.fixture(autouse=True)
def _heads(own_heads: tuple[str, str]) -> None:
    pass


def noise(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (48, 64, 3)).astype(np.uint8) for _ in range(count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A picture, one of a kind that cannot be read here, a broken one, and a file whose suffix alone is a picture's."""
    folder = tmp_path / "export"
    write_picture(folder / "a.png")
    (folder / "b.raf").write_bytes(b"FUJIFILMCCD-RAW 0201")
    (folder / "c.png").write_bytes(b"no picture")
    (folder / "d.dng").write_bytes(b"nothing known")
    return folder


def test_files_left_out_of_a_folder_have_objects_rows_and_an_exit_status(
    dheads: Dheads, folder: Path, tmp_path: Path
) -> None:
    long = tmp_path / "long.csv"
    result = dheads("predict", "--json", "--csv-long", long, *BOTH, folder)
    assert result.code == 1
    found = {Path(item["path"]).name: item.get("error") for item in map(json.loads, result.lines)}
    assert list(found) == ["a.png", "c.png", "b.raf"]
    assert found["a.png"] is None
    assert found["b.raf"].startswith("cannot be read here: a raw camera file")
    assert "2 files of picture types that cannot be read here: " in result.err
    assert "summary: 1 pictures judged, 0 clean, 2 with errors" in result.err
    errors = [row["path"] for row in csv.DictReader(long.read_text().splitlines()) if row["error"]]
    assert [Path(path).name for path in errors] == ["c.png", "b.raf"]

    rows = list(csv.DictReader(dheads("predict", "--csv", "-", *BOTH, folder).lines))
    assert [(Path(row["path"]).name, bool(row["error"])) for row in rows] == [
        ("a.png", False),
        ("c.png", True),
        ("b.raf", True),
    ]
    (folder / "c.png").unlink()
    assert dheads("predict", *BOTH, folder).code == 1
    (folder / "b.raf").unlink()
    last = dheads("predict", *BOTH, folder)  # a suffix alone is no picture
    assert last.code == 0
    assert "d.dng" in last.err


def test_csv_says_why_a_picture_is_not_judged_and_what_was_done_to_it(dheads: Dheads, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "tiny.png")
    values = np.random.default_rng(0).integers(0, 4000, (64, 64)).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "twelve.png")
    write_picture(tmp_path / "plain.png")
    rows = {
        Path(row["path"]).name: row["notes"]
        for row in csv.DictReader(dheads("predict", "--csv", "-", *BOTH, tmp_path).lines)
    }
    assert rows["tiny.png"] == "too little to judge: 4 x 4 pixels"
    assert rows["twelve.png"].endswith("read as 12 bits and scaled")
    assert rows["plain.png"] == ""


def test_a_video_read_in_part_is_counted_once(dheads: Dheads, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    whole = write_clip(folder / "a.mkv", noise(24))
    data = whole.read_bytes()
    (folder / "b.mkv").write_bytes(data[: len(data) // 2])
    result = dheads("predict", "--json", *BOTH, folder)
    assert result.code == 1
    assert "summary: 2 inputs judged (1 of them in part), 0 clean\n" in f"{result.err}\n"
    errors = [item.get("error") for item in map(json.loads, result.lines)]
    assert errors[0] is None
    assert errors[1]


def test_pages(dheads: Dheads, tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    shades = [Image.new("RGB", (64, 48), (shade, 90, 40)) for shade in (40, 120, 200)]
    for shade in shades:
        shade.paste((250, 250, 250), (10, 10, 40, 30))
    shades[0].save(path, save_all=True, append_images=shades[1:])
    first = json.loads(dheads("predict", "--json", *BOTH, path).out)
    assert (first["path"], first["notes"]) == (str(path), ["page 1 of 3: --pages all reads every page"])
    found = [json.loads(line) for line in dheads("predict", "--json", "--pages", "all", *BOTH, path).lines]
    assert [item["path"] for item in found] == [f"{path}#{page}" for page in (1, 2, 3)]
    assert not any("notes" in item for item in found)
    (second,) = dheads("predict", "--pages", "2", *BOTH, path).lines
    assert second.startswith(f"{path}#2")
    none = dheads("predict", "--json", "--pages", "4", *BOTH, path)
    assert (none.code, json.loads(none.out)["error"]) == (1, "there is no page 4: the last one is 3")
    assert dheads("predict", "--pages", "0", *BOTH, path).code == 2


def test_interlaced_frames_get_no_names_that_combing_looks_like(
    dheads: Dheads, home: Path, ref: BackboneRef, tmp_path: Path
) -> None:
    attach(home, ref, "teeth", family="sharpness", threshold=Threshold(value=0.0))
    texture = np.random.default_rng(0).integers(0, 256, (12, 40), np.uint8).repeat(8, 0).repeat(8, 1)
    moments = [np.repeat(texture[:96, 4 * i : 4 * i + 128, None], 3, axis=2) for i in range(40)]
    woven = [moments[2 * i].copy() for i in range(20)]
    for i, picture in enumerate(woven):
        picture[1::2] = moments[2 * i + 1][1::2]
    path = write_clip(tmp_path / "woven.mkv", woven, codec="ffv1")
    arguments = ("predict", "--json", "--heads", "always,teeth", path)
    found = json.loads(dheads(*arguments).out)
    assert {head["label"]: head["present"] for head in found["heads"]} == {"always": True, "teeth": False}
    assert {family["family"]: bool(family["segments"]) for family in found["families"]} == {
        "odd": True,
        "sharpness": False,
    }
    assert "interlaced" in found["notes"][0]
    mended = json.loads(dheads(*arguments, "--deinterlace").out)
    assert all(head["present"] for head in mended["heads"])
    assert "bwdif" in mended["notes"][0]
    rows = list(csv.DictReader(dheads("predict", "--csv", "-", "--heads", "always", path).lines))
    assert [row["notes"] for row in rows if not row["frame"]] == ["; ".join(found["notes"])]


def test_flicker_is_not_judged_at_a_low_rate_and_that_is_said(dheads: Dheads, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", noise(24), codec="ffv1", rate=24)
    note = "flicker is not judged: it needs 12 different frames a second"
    slow = json.loads(dheads("predict", "--json", "--heads", "flicker", "--fps", "5", path).out)
    assert slow["notes"] == [note]
    (head,) = slow["heads"]
    assert (head["label"], head["probability"], head["present"]) == ("flicker", 0.0, False)
    assert f"{path}  note: {note}" in dheads("predict", "--heads", "flicker", "--fps", "5", path).lines
    assert "notes" not in json.loads(dheads("predict", "--json", "--heads", "flicker", path).out)
