"""`dheads predict --heat`: files, areas in JSON, and what does not go with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from distortion_heads.heads.head import Threshold
from distortion_heads.spec import BackboneRef
from helpers import REPOSITORY
from helpers.command_line import Dheads, attach
from helpers.little_clips import write_clip

EXAMPLES = REPOSITORY / "examples"
HEADS = ("--heads", "noise,blur,compression")


def objects(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_map_is_drawn_of_what_is_present_and_its_areas_are_told(dheads: Dheads, tmp_path: Path) -> None:
    picture = EXAMPLES / "kitten_noise.png"
    result = dheads("predict", "--json", *HEADS, "--heat", tmp_path / "maps", picture)
    (found,) = objects(result.out)
    families = {family["family"]: family for family in found["families"]}  # type: ignore[attr-defined, index]
    areas = families["noise"]["areas"]
    assert list(areas[0]) == ["x", "y", "width", "height", "probability"]
    assert areas[0]["width"] * areas[0]["height"] > 0.5 * 512 * 352
    assert "areas" not in families["compression"]
    drawn = Image.open(tmp_path / "maps" / "kitten_noise.png-noise.jpg")
    assert drawn.width >= 480
    assert np.asarray(drawn).std() > 10
    assert result.err.splitlines()[-1] == f"dheads: note: 1 heat map in {tmp_path / 'maps'}"


def test_the_answers_are_the_same_without(dheads: Dheads, tmp_path: Path) -> None:
    picture = EXAMPLES / "kitten_noise.png"
    plain, heat = (
        objects(dheads("predict", "--json", *HEADS, *more, picture).out)[0] for more in ((), ("--heat", tmp_path))
    )
    for family in heat["families"]:  # type: ignore[attr-defined]
        family.pop("areas", None)
    assert plain == heat


def test_pictures_of_one_name_do_not_overwrite_each_other(dheads: Dheads, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.png").write_bytes((EXAMPLES / "kitten_noise.png").read_bytes())
    dheads("predict", "--json", *HEADS, "--heat", tmp_path / "maps", tmp_path / "a", tmp_path / "b")
    assert {file.name for file in (tmp_path / "maps").iterdir()} == {"x.png-noise.jpg", "x.png-noise-2.jpg"}


def test_a_clean_picture_has_no_map(dheads: Dheads, tmp_path: Path) -> None:
    result = dheads("predict", *HEADS, "--heat", tmp_path / "maps", EXAMPLES / "skyline_clean.jpg")
    assert result.code == 0
    assert result.err.splitlines()[-1].startswith("dheads: note: 0 heat maps in ")
    assert not (tmp_path / "maps").exists()


def test_what_a_part_alone_has_is_noted(dheads: Dheads, tmp_path: Path) -> None:
    pixels = np.array(Image.open(EXAMPLES / "skyline_clean.jpg").convert("RGB"))
    blurred = Image.open(EXAMPLES / "skyline_clean.jpg").convert("RGB").filter(ImageFilter.GaussianBlur(3))
    pixels[:, :256] = np.asarray(blurred)[:, :256]
    Image.fromarray(pixels).save(tmp_path / "half.png")
    result = dheads("predict", *HEADS, "--heat", tmp_path / "maps", tmp_path / "half.png")
    first, note = result.lines
    assert first.endswith("  clean")
    assert re.search(r"note: blur in a part: 2\d\d x 3\d\d at 0, 0$", note)
    assert (tmp_path / "maps" / "half.png-blur.jpg").exists()


def test_not_with_fast(dheads: Dheads, tmp_path: Path) -> None:
    result = dheads("predict", "--fast", "--heat", tmp_path, EXAMPLES / "kitten_noise.png")
    assert result.code == 2
    assert "leave out --fast" in result.error


def test_a_folder_that_cannot_be_made_is_one_line(dheads: Dheads, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    result = dheads(
        "predict", *HEADS, "--csv", "-", "--heat", tmp_path / "file" / "maps", EXAMPLES / "kitten_noise.png"
    )
    assert (result.code, result.out) == (1, "")  # before anything is judged
    assert result.error == (
        f"dheads: error: {tmp_path / 'file'} cannot be written to: not a directory; choose another --heat"
    )


def test_the_worst_frame_of_a_segment_is_drawn(dheads: Dheads, tmp_path: Path, home: Path, ref: BackboneRef) -> None:
    attach(home, ref, "always", family="odd", threshold=Threshold(value=0.0))
    rng = np.random.default_rng(0)
    clip = write_clip(tmp_path / "clip.mp4", [rng.integers(0, 255, (64, 96, 3), np.uint8) for _ in range(12)])
    result = dheads("predict", "--json", "--heads", "always", "--heat", tmp_path / "maps", clip)
    (found,) = objects(result.out)
    (segment,) = found["families"][0]["segments"]  # type: ignore[index]
    (file,) = (tmp_path / "maps").iterdir()
    assert file.name == f"clip.mp4-odd-0m0{segment['peak_time']:.2f}s.jpg"
