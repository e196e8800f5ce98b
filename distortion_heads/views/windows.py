"""Image -> views. Native windows are never resized, since resizing destroys the evidence of most distortions; the
overview is the whole picture reduced, for distortions that live at its scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.io.small_files import LEAST_SIDE
from distortion_heads.views.units import CELL

WINDOW, STRIDE = LEAST_SIDE, 128
"""Side and stride in pixels of the native windows; multiples of `CELL`."""

OVERVIEW_SIDE = 128
"""Shorter side in pixels of the overview; smaller pictures are not enlarged."""

LARGE, STRIP = 8_000_000, 512
"""Pixels from which on a picture is reduced in strips of `STRIP` rows."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A rectangle of cells: half-open ranges of rows and columns."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        return (self.bottom - self.top) * (self.right - self.left)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Top, left, bottom and right in pixels."""
        return self.top * CELL, self.left * CELL, self.bottom * CELL, self.right * CELL

    def within(self, outer: Window) -> Window:
        """The same rectangle, counted from the corner of `outer`."""
        return Window(
            top=self.top - outer.top,
            bottom=self.bottom - outer.top,
            left=self.left - outer.left,
            right=self.right - outer.left,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Canvas:
    """A picture, uint8 (H, W, 3), on a grid of `rows` x `columns` cells, which it fills by reflection.

    At the bottom and on the right; piece by piece, so that a large picture is not copied.
    """

    image: NDArray[np.uint8]
    rows: int
    columns: int

    def crop(self, window: Window) -> NDArray[np.uint8]:
        """The pixels of a window: a view of the picture where it lies inside."""
        rows = slice(window.top * CELL, window.bottom * CELL)
        columns = slice(window.left * CELL, window.right * CELL)
        height, width = self.image.shape[:2]
        if rows.stop <= height and columns.stop <= width:
            return self.image[rows, columns]
        vertical, horizontal = self._sources
        whole_rows = self.image[vertical[rows]]
        edge = max(columns.start, min(columns.stop, width))  # column by column takes longer, so only beyond it
        beyond = whole_rows[:, horizontal[edge : columns.stop]]
        return np.concatenate([whole_rows[:, columns.start : edge], beyond], axis=1)

    @cached_property
    def _sources(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The row (column) of the picture that fills each row (column) of the canvas."""
        height, width = self.image.shape[:2]
        down, right = self.rows * CELL - height, self.columns * CELL - width
        return (
            np.pad(np.arange(height), (0, down), mode="reflect"),
            np.pad(np.arange(width), (0, right), mode="reflect"),
        )


def whole_canvas(image: NDArray[np.uint8]) -> Canvas:
    """A picture on as many cells as hold it."""
    return Canvas(image=image, rows=_cells(image.shape[0]), columns=_cells(image.shape[1]))


def native_view(image: NDArray[np.uint8]) -> Canvas:
    """uint8 (H, W, 3) on whole cells and at least one window."""
    height, width = image.shape[:2]
    return Canvas(image=image, rows=max(_cells(height), WINDOW // CELL), columns=max(_cells(width), WINDOW // CELL))


def overview_view(image: NDArray[np.uint8]) -> Canvas:
    """The whole picture, reduced by area averaging to a short side of 128."""
    height, width = image.shape[:2]
    factor = OVERVIEW_SIDE / min(height, width)
    if factor < 1:
        image = _reduced(image, max(1, round(width * factor)), max(1, round(height * factor)))
    return whole_canvas(image)


def native_windows(rows: int, columns: int, window: int = WINDOW, stride: int = STRIDE) -> tuple[Window, ...]:
    """All windows over a grid of cells, row by row; the last of a row or column is flush with the edge."""
    size = window // CELL
    return tuple(
        Window(top=top, bottom=top + min(size, rows), left=left, right=left + min(size, columns))
        for top in _starts(rows, size, stride // CELL)
        for left in _starts(columns, size, stride // CELL)
    )


def whole(rows: int, columns: int) -> tuple[Window, ...]:
    """One window over everything."""
    return (Window(top=0, bottom=rows, left=0, right=columns),)


def spread(rows: int, columns: int, max_windows: int, frame_index: int = 0) -> tuple[Window, ...]:
    """Return at most `max_windows` (>= 1) of the native windows, evenly spread over the grid.

    The grid of those chosen moves with `frame_index` by the R2 sequence (Roberts 2018), whose points fill the plane
    evenly, so that the frames of a video show all windows before long.
    """
    windows = native_windows(rows, columns)
    if len(windows) <= max_windows:
        return windows
    across = len({window.left for window in windows})
    down = len(windows) // across
    kept_down = min(down, max(1, round(sqrt(max_windows * down / across))), max_windows)
    kept_across = min(across, max_windows // kept_down)
    kept_down = min(down, max_windows // kept_across)
    chosen_down = _evenly(down, kept_down, (0.5 + frame_index * _R2[0]) % 1)
    chosen_across = _evenly(across, kept_across, (0.5 + frame_index * _R2[1]) % 1)
    return tuple(windows[i * across + j] for i in chosen_down for j in chosen_across)


def some_of(windows: tuple[Window, ...], max_windows: int, frame_index: int = 0) -> tuple[Window, ...]:
    """Return at most `max_windows` (>= 1) of any windows, evenly spread; other ones for another `frame_index`."""
    if len(windows) <= max_windows:
        return windows
    return tuple(windows[i] for i in _evenly(len(windows), max_windows, (0.5 + frame_index * _R2[0]) % 1))


def _evenly(length: int, count: int, phase: float) -> list[int]:
    """`count` <= `length` different indices; the centre if there is but one and `phase` in [0, 1) is a half."""
    return [int((i + phase) * length / count) for i in range(count)]


_R2 = (0.7548776662466927, 0.5698402909980532)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A part to run at once (`outer`) and the part kept of it (`inner`); both in cells of the whole picture."""

    outer: Window
    inner: Window


def tiling(rows: int, columns: int, most: int, halo: int) -> tuple[int, int]:
    """The (height, width) in cells of the tiles of a grid that cost least: at most `most` cells each, halo included.

    `most` is at least (2 * halo + 1) ** 2. The cost is the number of cells that are run, halos included.
    """
    choices = []
    for across in range(1, columns + 1):
        width, halos = ceil(columns / across), halo * (across - 1)
        outer_width = width + min(halos, 2 * halo)
        for down in range(1, rows + 1):
            height = ceil(rows / down)
            if outer_width * (height + halo * min(down - 1, 2)) <= most:
                choices.append(((rows + 2 * halo * (down - 1)) * (columns + 2 * halos), height, width))
                break
    return min(choices)[1:]


def tiles(rows: int, columns: int, size: tuple[int, int], halo: int) -> Iterator[Tile]:
    """Cut a grid of cells, row by row, into tiles of `size` (height, width) with `halo` cells of context around."""
    for top in range(0, rows, size[0]):
        for left in range(0, columns, size[1]):
            bottom, right = min(top + size[0], rows), min(left + size[1], columns)
            inner = Window(top=top, bottom=bottom, left=left, right=right)
            yield Tile(outer=surrounded(inner, halo, rows, columns), inner=inner)


def surrounded(window: Window, halo: int, rows: int, columns: int) -> Window:
    """`window` and `halo` cells around it, as far as the grid goes."""
    return Window(
        top=max(window.top - halo, 0),
        bottom=min(window.bottom + halo, rows),
        left=max(window.left - halo, 0),
        right=min(window.right + halo, columns),
    )


def _starts(length: int, size: int, stride: int) -> list[int]:
    last = max(length - size, 0)
    return [*range(0, last, stride), last]


def _cells(pixels: int) -> int:
    return -(-pixels // CELL)


def _reduced(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Area averaging: rows, then columns, for which of them Pillow takes first depends on its version.

    Of a large picture strip by strip, for Pillow copies all it gets, with 4 bytes a pixel.
    """
    rows = STRIP if image.shape[0] * image.shape[1] > LARGE else len(image)
    strips = [image[top : top + rows] for top in range(0, len(image), rows)]
    narrow = [_resized(strip, width, len(strip)) for strip in strips]
    return _resized(np.concatenate(narrow) if len(narrow) > 1 else narrow[0], width, height)


def _resized(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))
