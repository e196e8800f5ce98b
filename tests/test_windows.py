from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distortion_heads.architecture import CELL
from distortion_heads.windows import (
    OVERVIEW_SIDE,
    WINDOW,
    Window,
    native_view,
    native_windows,
    overview_view,
    tiles,
    whole,
)


def picture(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (5, 7), (255, 256), (256, 256), (257, 480), (384, 512)])
def test_native_view_keeps_every_pixel_and_reflects_the_rest(size: tuple[int, int]) -> None:
    image = picture(*size)
    view = native_view(image)
    assert all(side % CELL == 0 and side >= WINDOW for side in view.shape[:2])
    np.testing.assert_array_equal(view[: size[0], : size[1]], image)
    if size == (255, 256):
        np.testing.assert_array_equal(view[255], image[253])


def test_a_picture_of_whole_cells_is_not_copied() -> None:
    image = picture(256, 320)
    assert native_view(image) is image


@given(rows=st.integers(8, 60), columns=st.integers(8, 60))
def test_native_windows_cover_every_cell_and_stay_inside(rows: int, columns: int) -> None:
    covered = np.zeros((rows, columns), bool)
    windows = native_windows(rows, columns)
    for w in windows:
        assert 0 <= w.top < w.bottom <= rows
        assert 0 <= w.left < w.right <= columns
        assert (w.bottom - w.top, w.right - w.left) == (WINDOW // CELL, WINDOW // CELL)
        covered[w.top : w.bottom, w.left : w.right] = True
    assert covered.all()
    assert len(set(windows)) == len(windows)


def test_the_papers_size_has_six_windows() -> None:
    assert len(native_windows(384 // CELL, 512 // CELL)) == 6


def test_overview_averages_areas_and_is_fixed_in_its_short_side() -> None:
    stripes = np.zeros((512, 1024, 3), np.uint8)
    stripes[:, ::2] = 200
    view = overview_view(stripes)
    assert view.shape == (OVERVIEW_SIDE, 2 * OVERVIEW_SIDE, 3)
    assert np.unique(view).tolist() == [100]


def test_overview_never_enlarges() -> None:
    image = picture(40, 64)
    view = overview_view(image)
    assert view.shape == (64, 64, 3)
    np.testing.assert_array_equal(view[:40, :64], image)


@given(rows=st.integers(1, 40), columns=st.integers(1, 40), side=st.integers(1, 16), halo=st.integers(0, 5))
def test_tiles_partition_the_picture_and_carry_their_halo(rows: int, columns: int, side: int, halo: int) -> None:
    times = np.zeros((rows, columns), int)
    for tile in tiles(rows, columns, side, halo):
        inner, outer = tile.inner, tile.outer
        times[inner.top : inner.bottom, inner.left : inner.right] += 1
        assert outer.top == max(0, inner.top - halo)
        assert outer.right == min(columns, inner.right + halo)
    assert (times == 1).all()


def test_whole_is_one_window() -> None:
    assert whole(4, 6) == (Window(top=0, bottom=4, left=0, right=6),)
