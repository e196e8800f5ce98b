"""What `dheads predict` says of pictures with too little to judge, and of those that were changed first."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.command_line import Dheads


def test_too_little_is_said_and_is_no_failure(dheads: Dheads, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "tiny.png")
    Image.new("RGB", (300, 200), (128, 128, 128)).save(tmp_path / "flat.png")
    result = dheads("predict", "--json", "--fail-if", "blur>0.1", tmp_path)
    assert result.code == 0
    flat, tiny = (json.loads(line) for line in result.lines)
    assert (tiny["judged"], tiny["reason"], tiny["heads"]) == (False, "too little to judge: 8 x 8 pixels", [])
    assert (flat["judged"], flat["reason"], flat["windows"]) == (False, "too little to judge: one colour", 0)
    plain = dheads("predict", tmp_path)
    assert "too little to judge (8 x 8 pixels)" in plain.out
    assert "summary: 0 pictures judged, 0 clean, 2 with too little to judge" in plain.err


def test_what_is_not_judged_is_not_said_to_be_judged_in_part(dheads: Dheads, tmp_path: Path) -> None:
    Image.new("RGBA", (300, 200), (200, 100, 50, 0)).save(tmp_path / "transparent.png")
    out = dheads("predict", tmp_path / "transparent.png").out
    assert "too little to judge (all of it is transparent)" in out
    assert "judged:" not in out


def test_csv_long_takes_no_stdout(dheads: Dheads, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "tiny.png")
    result = dheads("predict", "--csv-long", "-", tmp_path / "tiny.png")
    assert (result.code, result.out) == (2, "")
    assert "--csv-long wants a file" in result.err


def test_twelve_bits_are_scaled_and_the_answer_says_so(dheads: Dheads, tmp_path: Path) -> None:
    photo = Image.open(Path(__file__).parents[2] / "examples" / "kitten_clean.jpg").convert("L")
    grey = np.asarray(photo) / 255
    Image.fromarray(np.round(grey * 3900).astype(np.uint16)).save(tmp_path / "few.png")
    (line,) = dheads("predict", "--json", tmp_path / "few.png").lines
    found = json.loads(line)
    assert len(found["notes"]) == 1
    assert "read as 12 bits and scaled" in found["notes"][0]
    assert not [head["label"] for head in found["heads"] if head["present"] and head["family"] == "exposure"]
    assert "read as 12 bits" in dheads("predict", tmp_path).out
