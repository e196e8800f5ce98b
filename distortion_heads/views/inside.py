"""A scene that is no rectangle: which windows lie in it, and what fills the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

INSIDE = 0.85
"""Share of a window that must belong to the scene."""


def mostly_inside(mask: NDArray[np.bool_], boxes: Sequence[tuple[int, int, int, int]]) -> list[int]:
    """Return which of the boxes (top, left, bottom, right; pixels) lie in the scene; if none does, the best of them."""
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int64)
    np.cumsum(np.cumsum(mask, axis=0), axis=1, out=sums[1:, 1:])
    corners = np.array(boxes)
    top, bottom = (np.minimum(corners[:, i], mask.shape[0]) for i in (0, 2))
    left, right = (np.minimum(corners[:, i], mask.shape[1]) for i in (1, 3))
    held = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    share = held / np.maximum((bottom - top) * (right - left), 1)
    return [int(i) for i in np.flatnonzero(share >= min(INSIDE, float(share.max())))]


def filled(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Fill what is not in the mask along its row or column, whichever holds more of the scene; holes with the mean."""
    width = mask.shape[1]
    result = np.array(pixels, order="C")
    flat, known = result.reshape(-1, 3), mask.reshape(-1)
    outside = np.flatnonzero(~known)
    y, x = outside // width, outside % width
    (left, right), (top, bottom) = _ends(mask), _ends(mask.T)
    by_row = (right - left)[y] >= (bottom - top)[x]
    source = np.where(by_row, y * width + _folded(x, left[y], right[y]), _folded(y, top[x], bottom[x]) * width + x)
    flat[outside] = flat[source]
    lost = outside[~known[source]]
    if len(lost):
        flat[lost] = flat[known].mean(axis=0).round()
    return result


def _ends(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The first and the last True of each row; of a row without, the last is before the first."""
    first, last = mask.argmax(axis=1), mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    return first, np.where(mask[np.arange(len(mask)), first], last, first - 1)


def _folded(place: NDArray[np.intp], first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.intp]:
    """Where, between first and last, a place lies after reflection at both."""
    period = np.maximum(2 * (last - first), 1)
    away = np.abs(place - first) % period
    folded: NDArray[np.intp] = first + np.minimum(away, period - away)
    return folded
