"""Files and folders to pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

from distortion_heads.errors import InputError
from distortion_heads.io.pairs import Pair, find_pairs
from helpers.little_pictures import save, scene


def fill(folder: Path, *names: str) -> str:
    for name in names:
        save(folder / name, scene(1, 16))
    return str(folder)


def test_two_files(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.jpg")
    a, b = str(tmp_path / "a.png"), str(tmp_path / "b.jpg")
    assert list(find_pairs(a, b)) == [Pair(a, b, "b.jpg")]


def test_folders_by_path_then_by_stem(tmp_path: Path) -> None:
    originals = fill(tmp_path / "ref", "a.png", "b.png", "in/c.png", "d.png", "d.jpg")
    made = fill(tmp_path / "made", "a.png", "a.jpg", "b.webp", "in/c.jpg", "c.png", "d.png", "d.webp")
    found = {pair.name: pair for pair in find_pairs(originals, made)}
    references = {name: Path(p.reference).name for name, p in found.items() if p.error is None}
    assert references == {
        "a.png": "a.png",
        "a.jpg": "a.png",
        "b.webp": "b.png",
        str(Path("in/c.jpg")): "c.png",
        "d.png": "d.png",
    }
    assert found["c.png"].error == f"no picture is called c in {originals}"
    assert found["d.webp"].error == f"several pictures are called d in {originals}"


def test_one_reference_for_a_folder(tmp_path: Path) -> None:
    made = fill(tmp_path / "made", "a.png", "b.png")
    one = str(save(tmp_path / "one.png", scene(1, 16)))
    assert [(pair.reference, pair.name) for pair in find_pairs(one, made)] == [(one, "a.png"), (one, "b.png")]


def test_nothing_to_pair(tmp_path: Path) -> None:
    made = fill(tmp_path / "made", "a.png")
    (tmp_path / "empty").mkdir()
    for reference, distorted, why in (
        (str(tmp_path / "lost.png"), made, "lost.png: no such file"),
        (str(tmp_path / "empty"), made, "empty: no image in this folder"),
        (made, str(tmp_path / "made" / "a.png"), "give two files or two folders"),
    ):
        with pytest.raises(InputError, match=why):
            list(find_pairs(reference, distorted))
