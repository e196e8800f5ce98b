from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distortion_heads.views.units import CELL
from distortion_heads.views.windows import (
    OVERVIEW_SIDE,
    WINDOW,
    Canvas,
    Window,
    native_view,
    native_windows,
    overview_view,
    spread,
    tiles,
    tiling,
    whole,
)


def picture(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def pixels(canvas: Canvas) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return canvas.crop(*whole(canvas.rows, canvas.columns))


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (5, 7), (255, 256), (256, 256), (257, 480), (384, 512)])
def test_native_view_keeps_every_pixel_and_reflects_the_rest(size: tuple[int, int]) -> None:
    image = picture(*size)
    view = pixels(native_view(image))
    assert all(side % CELL == 0 and side >= WINDOW for side in view.shape[:2])
    np.testing.assert_array_equal(view[: size[0], : size[1]], image)
    if size == (255, 256):
        np.testing.assert_array_equal(view[255], image[253])


def test_a_picture_of_whole_cells_is_not_copied() -> None:
    image = picture(256, 320)
    assert np.shares_memory(pixels(native_view(image)), image)


def test_a_crop_at_the_edge_is_that_of_the_padded_picture() -> None:
    image = picture(290, 333)
    canvas = native_view(image)
    padded = np.pad(image, ((0, 30), (0, 19), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(pixels(canvas), padded)
    window = Window(top=7, bottom=10, left=2, right=11)
    np.testing.assert_array_equal(canvas.crop(window), padded[7 * 32 :, 2 * 32 :])
    inside = Window(top=1, bottom=3, left=2, right=5)
    assert np.shares_memory(canvas.crop(inside), image)


def test_overview_of_a_large_picture_is_the_same_strip_by_strip(monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture(1300, 1700)
    at_once = pixels(overview_view(image))
    monkeypatch.setattr("distortion_heads.views.windows.LARGE", 1000)
    np.testing.assert_array_equal(pixels(overview_view(image)), at_once)


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
    view = pixels(overview_view(stripes))
    assert view.shape == (OVERVIEW_SIDE, 2 * OVERVIEW_SIDE, 3)
    assert np.unique(view).tolist() == [100]


def test_overview_never_enlarges() -> None:
    image = picture(40, 64)
    view = pixels(overview_view(image))
    assert view.shape == (64, 64, 3)
    np.testing.assert_array_equal(view[:40, :64], image)


grids = {"rows": st.integers(1, 60), "columns": st.integers(1, 60), "halo": st.integers(0, 5)}


@given(**grids, most=st.integers(121, 400))
def test_tiles_partition_the_picture_keep_their_halo_and_stay_small(
    rows: int, columns: int, halo: int, most: int
) -> None:
    times = np.zeros((rows, columns), int)
    for tile in tiles(rows, columns, tiling(rows, columns, most, halo), halo):
        inner, outer = tile.inner, tile.outer
        times[inner.top : inner.bottom, inner.left : inner.right] += 1
        assert outer.top == max(0, inner.top - halo)
        assert outer.right == min(columns, inner.right + halo)
        assert outer.area <= most
    assert (times == 1).all()


def test_one_tile_where_the_picture_fits() -> None:
    assert tiling(12, 16, 192, 4) == (12, 16)


@given(rows=st.integers(8, 80), columns=st.integers(8, 80), most=st.integers(1, 40), turn=st.integers(0, 10**6))
def test_a_few_windows_are_spread_over_the_picture(rows: int, columns: int, most: int, turn: int) -> None:
    windows, chosen = native_windows(rows, columns), spread(rows, columns, most, turn)
    assert 1 <= len(chosen) <= most
    assert len(set(chosen)) == len(chosen)
    assert set(chosen) <= set(windows)
    if len(windows) <= most:
        assert chosen == windows
    else:
        assert len(chosen) > most // 4


def test_sixteen_windows_of_a_large_picture_reach_all_quarters() -> None:
    chosen = spread(94, 125, 16)
    quarters = {(w.top + w.bottom < 94, w.left + w.right < 125) for w in chosen}
    assert len(quarters) == 4


def test_the_frames_of_a_second_show_every_window() -> None:
    shown = {window for turn in range(25) for window in spread(23, 40, 6, turn)}
    assert shown == set(native_windows(23, 40))


def test_whole_is_one_window() -> None:
    assert whole(4, 6) == (Window(top=0, bottom=4, left=0, right=6),)
