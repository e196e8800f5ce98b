"""`views.windows` and `views.scene` as nodes: a picture of any size becomes canvases of whole cells."""

from __future__ import annotations

import numpy as np

from distortion_heads.export.tensors import Tensor, where
from distortion_heads.views.scene import LEAST_BEND, LEAST_SIDE, SAMPLES
from distortion_heads.views.units import CELL
from distortion_heads.views.windows import OVERVIEW_SIDE, WINDOW

PRECISION = 2**22
"""Pillow reduces pictures of 8 bits with weights that are multiples of one part in so many."""


def native_canvas(pixels: Tensor) -> Tensor:
    """uint8 (H, W, 3) -> (1, 3, h, w) on whole cells and at least one window, filled by reflection."""
    return _canvas(pixels, WINDOW // CELL)


def overview_canvas(small: Tensor) -> Tensor:
    """The picture of `overview`, uint8 (H, W, 3) -> (1, 3, h, w) on whole cells, filled by reflection."""
    return _canvas(small, 1)


def overview(pixels: Tensor) -> Tensor:
    """uint8 (H, W, 3) -> the same reduced by area averaging to a short side of 128, to the last bit as Pillow does."""
    height, width = pixels.length(0), pixels.length(1)
    least = height.minimum(width)
    factor = float(OVERVIEW_SIDE) / least.cast(np.float64)
    is_larger = least > OVERVIEW_SIDE
    values = pixels.cast(np.int32)
    for axis, length in ((1, width), (0, height)):
        reduced = (length.cast(np.float64) * factor).op("Round").cast(np.int64).maximum(1)
        values = _averaged(values, axis, length, where(is_larger, reduced, length))
    return values.cast(np.uint8)


def can_be_judged(pixels: Tensor) -> Tensor:
    """Return whether uint8 (H, W, 3) is large enough and no smooth gradient: bool ()."""
    sides = [pixels.length(axis) for axis in (0, 1)]
    some = pixels
    for axis, side in enumerate(sides):
        some = some.part(axis, 0, side, (side / SAMPLES).maximum(1))
    some = some.cast(np.float32)
    bends = [_square_bend(some, axis) for axis in (0, 1)]
    is_bent = bends[0].maximum(bends[1]) >= LEAST_BEND**2
    return (sides[0].minimum(sides[1]) >= LEAST_SIDE) & is_bent


def _square_bend(values: Tensor, axis: int) -> Tensor:
    length = values.length(axis)
    before, middle, after = (values.part(axis, i, length - (2 - i)) for i in range(3))
    bend = (after - middle) - (middle - before)
    return (bend * bend).mean()


def _canvas(pixels: Tensor, least: int) -> Tensor:
    for axis in (0, 1):
        length = pixels.length(axis)
        cells = ((length + (CELL - 1)) / CELL).maximum(least)
        pixels = pixels.take(_reflected(length, cells * CELL), axis)
    return pixels.op("Transpose", perm=[2, 0, 1]).with_axis(0)


def _reflected(length: Tensor, filled: Tensor) -> Tensor:
    """The place in `length` that fills each place up to `filled`, to and fro as often as it takes."""
    period = ((length - 1) * 2).maximum(1)
    place = filled.range().op("Mod", period)
    return place.minimum(period - place)


def _averaged(values: Tensor, axis: int, length: Tensor, reduced: Tensor) -> Tensor:
    """int32 (H, W, 3) with one side reduced from `length` to `reduced`, each mean rounded as Pillow's `BOX` does."""
    scale = length.cast(np.float64) / reduced.cast(np.float64)
    centre = (reduced.range().cast(np.float64) + 0.5) * scale
    reach = scale * 0.5
    first = ((centre - reach) + 0.5).maximum(0.0).op("Floor")
    stop = ((centre + reach) + 0.5).op("Floor").minimum(length.cast(np.float64))
    # pixels whose middle lies on the edge of the box: the filter is open there and closed at the other
    first = first + ((((first - centre) + 0.5) * (1.0 / scale)) <= -0.5).cast(np.float64)
    stop = stop - ((((stop - 1.0) - centre + 0.5) * (1.0 / scale)) > 0.5).cast(np.float64)
    weight = ((float(PRECISION) / (stop - first)) + 0.5).op("Floor").cast(np.int32)
    sums = values.op("CumSum", axis)
    begin, end = first.cast(np.int64), stop.cast(np.int64) - 1
    total = (sums.take(end, axis) - sums.take(begin, axis)) + values.take(begin, axis)
    shape = (1, -1, 1) if axis == 1 else (-1, 1, 1)
    return (total * weight.reshape(*shape) + PRECISION // 2) / PRECISION
