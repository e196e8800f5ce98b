"""Which clean pictures are held out: whole groups of copies, by name alone; and that damaged ones are named at once."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads.datasets import clean_pictures
from distortion_heads.datasets.clean_pictures import COPY_BITS, Scenes, find_scenes, load_scene
from distortion_heads.errors import DataError
from distortion_heads.io.image_hashes import difference_hash
from distortion_heads.io.images import load_image
from helpers.little_pictures import save, scene, write_clean


def fraction(path: Path) -> float:
    return int(hashlib.sha256(path.name.encode()).hexdigest()[:8], 16) / 16**8


def names(scenes: Scenes) -> tuple[set[str], set[str]]:
    return {path.name for path in scenes.fit}, {path.name for path in scenes.hold}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clean(tmp_path_factory.mktemp("clean"), 40)


@pytest.mark.parametrize("share", [0.15, 0.5])
def test_hash_of_the_name_decides(folder: Path, share: float) -> None:
    scenes = find_scenes(folder, share)
    assert {path for path in folder.iterdir() if fraction(path) < share} == set(scenes.hold)
    assert set(scenes.fit) | set(scenes.hold) == set(folder.iterdir())
    assert not set(scenes.fit) & set(scenes.hold)
    assert list(scenes.hold) == sorted(scenes.hold)
    assert min(len(scenes.fit), len(scenes.hold)) >= 2


def test_pictures_that_are_added_move_no_other(tmp_path: Path) -> None:
    fit, hold = names(find_scenes(write_clean(tmp_path, 30)))
    write_clean(tmp_path / "more", 60, first=30)
    new_fit, new_hold = names(find_scenes(tmp_path))
    assert (fit <= new_fit, hold <= new_hold) == (True, True)
    assert len(new_hold) > len(hold)


def test_copies_go_where_the_shortest_of_their_names_goes(tmp_path: Path) -> None:
    fit, hold = names(find_scenes(write_clean(tmp_path, 30)))
    for name in (*fit, *hold):
        picture = tmp_path / name
        (tmp_path / f"copy of {name}").write_bytes(picture.read_bytes())
        Image.open(picture).save(tmp_path / f"{picture.stem} again.bmp")
    new_fit, new_hold = names(find_scenes(tmp_path))
    for old, new in ((fit, new_fit), (hold, new_hold)):
        stems = {name.removesuffix(".png") for name in old}
        assert new == old | {f"copy of {name}" for name in old} | {f"{stem} again.bmp" for stem in stems}


def test_copies_that_only_look_alike_need_their_hashes_near(tmp_path: Path) -> None:
    picture = save(tmp_path / "a.png", scene(3, 400))
    Image.open(picture).resize((170, 170), Image.Resampling.BICUBIC).save(tmp_path / "b.jpg", quality=50)
    near, far = (difference_hash(load_image(path)) for path in (tmp_path / "b.jpg", save(tmp_path / "c.png", scene(4))))
    first = difference_hash(load_image(picture))
    assert None not in (first, near, far)
    assert ((first or 0) ^ (near or 0)).bit_count() <= COPY_BITS < ((first or 0) ^ (far or 0)).bit_count()


@pytest.mark.parametrize(("share", "held"), [(0.0, 2), (1.0, 38)])
def test_each_side_has_two_pictures(folder: Path, share: float, held: int) -> None:
    scenes = find_scenes(folder, share)
    assert len(scenes.hold) == held
    assert max(map(fraction, scenes.hold)) < min(map(fraction, scenes.fit))


def test_copies_of_one_picture_cannot_be_split(tmp_path: Path) -> None:
    for i in range(9):
        save(tmp_path / f"{i}.png", scene(0))
    save(tmp_path / "other.png", scene(1))
    with pytest.raises(DataError, match="nearly all of the 10 pictures are copies of one"):
        find_scenes(tmp_path)


def test_flat_pictures_are_no_copies_of_each_other(tmp_path: Path) -> None:
    for i in range(30):
        save(tmp_path / f"{i}.png", np.full((64, 64, 3), 8 * i, np.uint8))
    scenes = find_scenes(tmp_path, 0.5)
    assert set(scenes.hold) == {path for path in tmp_path.iterdir() if fraction(path) < 0.5}


def text(path: Path) -> None:
    path.write_text("no picture")


def cut_short(path: Path) -> None:
    Image.effect_noise((300, 300), 60).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:4000])


def huge(path: Path) -> None:
    """A PNG file that says so in its header, and holds one pixel."""
    Image.new("L", (1, 1)).save(path, "PNG")
    data = path.read_bytes()
    header = b"IHDR" + struct.pack(">II", 20_000, 20_000) + data[24:29]
    path.write_bytes(data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:])


def pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (text, "not an image"),
        (cut_short, "truncated JPEG"),
        (huge, "it has more pixels than the limit of 250000000"),
        (pipe, "is no regular file"),
    ],
)
def test_picture_that_cannot_be_decoded_is_named(tmp_path: Path, spoil: object, reason: str) -> None:
    write_clean(tmp_path, 9)
    bad = tmp_path / "bad.jpg"
    assert callable(spoil)
    spoil(bad)
    with pytest.raises(DataError) as caught:
        find_scenes(tmp_path)
    assert str(caught.value).startswith(f"1 of 10 pictures cannot be used: {bad}: {reason}")
    assert "--max-pixels" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_picture_that_is_damaged_later_is_named_too(tmp_path: Path) -> None:
    text(tmp_path / "later.png")
    with pytest.raises(DataError, match=r"later\.png: not an image: .*; mend or remove it"):
        load_scene(tmp_path / "later.png")


def test_progress_counts_every_picture(folder: Path) -> None:
    calls: list[tuple[int, int]] = []
    find_scenes(folder, report=lambda done, total: calls.append((done, total)))
    assert calls == [(i, 40) for i in range(1, 41)]


def test_decoded_pictures_are_kept_by_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []

    def decode(path: Path) -> np.ndarray:
        decoded.append(path.name)
        return load_image(path)

    monkeypatch.setattr(clean_pictures, "load_image", decode)
    small = [save(tmp_path / f"{name}.png", scene(1, 10)) for name in "abc"]
    large = save(tmp_path / "large.png", scene(2, 30))
    kept = clean_pictures.LatePictures(max_bytes=2 * 300)
    assert kept.load(small[0]) is kept.load(small[0])
    for path in (small[1], small[0], small[2], small[0], small[1]):
        assert np.array_equal(kept.load(path), scene(1, 10))
    assert decoded == ["a.png", "b.png", "c.png", "b.png"]  # b was not used for longest when c came
    for _ in range(2):
        assert kept.load(large).shape == (30, 30, 3)
    assert decoded[4:] == ["large.png", "large.png"]


def test_a_process_keeps_half_a_gigabyte_of_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [save(tmp_path / f"{name}.png", scene(1, 10)) for name in "ab"]
    assert clean_pictures.MAX_KEPT_BYTES == 512 << 20
    assert load_scene(paths[0]) is load_scene(paths[0])
    monkeypatch.setattr(clean_pictures, "MAX_KEPT_BYTES", 300)
    kept = load_scene(paths[0])
    load_scene(paths[1])
    assert load_scene(paths[0]) is not kept
