"""Image -> views. Native windows are never resized, since resizing destroys the evidence of most distortions; the
overview is the whole picture reduced, for distortions that live at its scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.architecture import CELL

WINDOW, STRIDE = 256, 128
"""Side and stride in pixels of the native windows; multiples of `CELL`."""

OVERVIEW_SIDE = 128
"""Shorter side in pixels of the overview; smaller pictures are not enlarged."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A rectangle of cells: half-open ranges of rows and columns."""

    top: int
    bottom: int
    left: int
    right: int


def native_view(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pad uint8 (H, W, 3) by reflection to whole cells and to at least one window, at the bottom and on the right."""
    height, width = image.shape[:2]
    return _reflect(image, max(_whole_cells(height), WINDOW), max(_whole_cells(width), WINDOW))


def overview_view(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The whole picture, reduced by area averaging to a short side of 128 and padded by reflection to whole cells."""
    height, width = image.shape[:2]
    factor = OVERVIEW_SIDE / min(height, width)
    if factor < 1:
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
    height, width = image.shape[:2]
    return _reflect(image, _whole_cells(height), _whole_cells(width))


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


@dataclass(frozen=True, kw_only=True)
class Tile:
    """What is run at once (`outer`) and what is kept of it (`inner`); both in cells of the whole picture."""

    outer: Window
    inner: Window


def tiles(rows: int, columns: int, side: int, halo: int) -> Iterator[Tile]:
    """Cut a grid of cells into tiles of at most `side` cells with `halo` cells of context around them."""
    for top in range(0, rows, side):
        for left in range(0, columns, side):
            bottom, right = min(top + side, rows), min(left + side, columns)
            outer = Window(
                top=max(top - halo, 0),
                bottom=min(bottom + halo, rows),
                left=max(left - halo, 0),
                right=min(right + halo, columns),
            )
            yield Tile(outer=outer, inner=Window(top=top, bottom=bottom, left=left, right=right))


def _starts(length: int, size: int, stride: int) -> list[int]:
    last = max(length - size, 0)
    return [*range(0, last, stride), last]


def _whole_cells(pixels: int) -> int:
    return -(-pixels // CELL) * CELL


def _reflect(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    down, right = height - image.shape[0], width - image.shape[1]
    if down == right == 0:
        return image
    return np.pad(image, ((0, down), (0, right), (0, 0)), mode="reflect")
