"""`dheads predict` on many pictures, and `--fast`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from helpers.command_line import Dheads

KEYS = ["path", "width", "height", "windows", "backbone", "families", "quality", "heads"]


@pytest.fixture
def folder(tmp_path: Path, photo: NDArray[np.uint8]) -> Path:
    for i in range(5):
        Image.fromarray(np.roll(photo, 50 * i, axis=1)).save(tmp_path / f"{i}.png")
    (tmp_path / "2.png").write_bytes((tmp_path / "2.png").read_bytes()[:3000])
    return tmp_path


def test_a_folder_in_order_with_a_broken_picture(dheads: Dheads, folder: Path) -> None:
    result = dheads("predict", folder, "--json")
    objects = [json.loads(line) for line in result.lines]
    assert result.code == 1
    assert [Path(item["path"]).name for item in objects] == [f"{i}.png" for i in range(5)]
    assert [sorted(item) for item in objects[2:3]] == [["error", "path"]]
    assert all(list(item) == KEYS for i, item in enumerate(objects) if i != 2)
    assert dheads("predict", folder, "--json").out == result.out


def test_fast_says_so(dheads: Dheads, folder: Path) -> None:
    result = dheads("predict", folder / "0.png", "--json", "--fast-windows", "2", "--heads", "jpeg,gaussian_blur")
    found = json.loads(result.out)
    assert (found["windows"], found["fast"]) == (2, True)
    assert result.err == ""
    default = json.loads(dheads("predict", folder / "0.png", "--json", "--fast").out)
    assert (default["windows"], default.get("fast")) == (6, None)


def test_fast_is_told_to_people_too(dheads: Dheads, folder: Path) -> None:
    result = dheads("predict", folder / "0.png", "--fast")
    assert result.code == 0
    assert "at most 16 windows" in result.error
