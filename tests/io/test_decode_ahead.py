from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from distortion_heads._system.threads import HELPER
from distortion_heads.errors import ImageTooLargeError, InputError, NotAnImageError
from distortion_heads.io.decode_ahead import Decoded, decode_ahead, same_size
from distortion_heads.io.images import DEFAULT_MAX_PIXELS
from distortion_heads.io.rgb import Loaded

if TYPE_CHECKING:
    from distortion_heads.io.images import ImageSource, RGBImage


def picture(value: int, height: int = 8, width: int = 9) -> RGBImage:
    return np.full((height, width, 3), value, np.uint8)


def decoded(value: int, height: int = 8) -> Decoded:
    return Decoded(source=f"{value}.png", loaded=Loaded(pixels=picture(value, height)))


def test_pictures_come_in_order_and_failures_in_their_place(tmp_path: Path) -> None:
    sources: list[ImageSource] = []
    for i in range(40):
        sources.append(tmp_path / f"{i}.png")
        if i % 7 == 3:
            (tmp_path / f"{i}.png").write_bytes(b"not a picture")
        elif i % 7 != 5:  # those are missing
            Image.fromarray(picture(i)).save(tmp_path / f"{i}.png")
    found = list(decode_ahead(sources, max_pixels=DEFAULT_MAX_PIXELS))
    assert [item.source for item in found] == sources
    for i, item in enumerate(found):
        if i % 7 == 3:
            assert isinstance(item.pixels, NotAnImageError)
        elif i % 7 == 5:
            assert isinstance(item.pixels, InputError)
        else:
            assert isinstance(item.pixels, np.ndarray)
            np.testing.assert_array_equal(item.pixels, picture(i))


def test_the_limit_of_pixels_holds() -> None:
    (found,) = decode_ahead([picture(0)], max_pixels=10)
    assert isinstance(found.pixels, ImageTooLargeError)


def test_only_a_few_are_taken_ahead() -> None:
    taken = 0

    def sources() -> Iterator[RGBImage]:
        nonlocal taken
        for i in range(100):
            taken += 1
            yield picture(i)

    pictures = decode_ahead(sources(), max_pixels=DEFAULT_MAX_PIXELS)
    next(pictures)
    assert taken < 30
    pictures.close()
    assert taken < 30


def test_the_pixels_held_are_bounded_but_one_large_picture_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distortion_heads.io.decode_ahead.MAX_PIXELS", 3 * 72)
    started: list[int] = []

    def sources() -> Iterator[RGBImage]:
        for i in range(8):
            started.append(i)
            yield picture(i, height=100 if i == 4 else 8)

    pictures = decode_ahead(sources(), max_pixels=DEFAULT_MAX_PIXELS)
    ahead = []
    for item in pictures:
        assert isinstance(item.pixels, np.ndarray)
        ahead.append(len(started) - 1 - int(item.pixels[0, 0, 0]))
    # three small ones are let in, and one more is known; beside the large one there is room for none
    assert max(ahead) == 3
    assert ahead[4] == 1
    assert len(ahead) == 8


def test_closing_ends_the_threads() -> None:
    pictures = decode_ahead((picture(i % 256) for i in range(10_000)), max_pixels=DEFAULT_MAX_PIXELS)
    next(pictures)
    pictures.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(HELPER)]


def test_alike_groups_neighbours_of_one_size() -> None:
    failed = Decoded(source="x", loaded=InputError("no"))
    items = [decoded(0), decoded(1), decoded(2, 9), failed, failed, decoded(3), decoded(4), decoded(5), decoded(6)]
    groups = list(same_size(items, 3))
    assert [len(group) for group in groups] == [2, 1, 1, 1, 3, 1]
    assert [item for group in groups for item in group] == items
    assert [len(group) for group in same_size(items, 1)] == [1] * len(items)


def test_large_pictures_stand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distortion_heads.io.decode_ahead.BATCH_PIXELS", 2 * 72)
    assert [len(group) for group in same_size([decoded(i) for i in range(5)], 4)] == [2, 2, 1]
