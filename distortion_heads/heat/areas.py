"""Maps -> pixels, and boxes around what is affected."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.answers import AffectedArea, HeatMap

FINE = 4
"""Parts of a cell, along either side, to which outlines are drawn."""

MOST_AREAS = 10

_Box = tuple[float, float, float, float]


def enlarged(values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Interpolate a map (h, w) to float32 (rows, columns), straight from the middle of one cell to the next."""
    picture = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(picture.resize((columns, rows), Image.Resampling.BILINEAR))


def heat_pixels(heat: HeatMap, width: int, height: int, scale: float = 1.0) -> NDArray[np.float32]:
    """Return float32 (height, width) of a map over a picture that was reduced to `scale`; 0 where the map is not."""
    left, top, right, bottom = (side * scale for side in heat.box)
    pixels = np.zeros((height, width), np.float32)
    y0, x0 = max(0, round(top)), max(0, round(left))
    over = enlarged(heat.values, max(1, round(bottom) - y0), max(1, round(right) - x0))
    over = over[: height - y0, : width - x0]
    pixels[y0 : y0 + over.shape[0], x0 : x0 + over.shape[1]] = over
    return pixels


def find_areas(values: NDArray[np.float32], box: _Box, level: float, within: _Box) -> tuple[AffectedArea, ...]:
    """Return rectangles around the connected parts of a map at or above `level`, the most affected first.

    `box`: see `HeatMap`; `within`: left, top, right and bottom in pixels of what was judged. Parts smaller than a cell
    are left out, and more than `MOST_AREAS` of them.
    """
    from scipy.ndimage import find_objects, label, sum_labels

    rows, columns = FINE * values.shape[0], FINE * values.shape[1]
    fine = enlarged(values, rows, columns)
    labels, count = label(fine >= level)
    if not count:
        return ()
    numbers = np.arange(1, count + 1)
    sums, sizes = sum_labels(fine, labels, numbers), np.bincount(labels.ravel(), minlength=count + 1)[1:]
    order = [i for i in np.argsort(-sums) if sizes[i] >= FINE**2][:MOST_AREAS]
    found = find_objects(labels)
    across, down = (box[2] - box[0]) / columns, (box[3] - box[1]) / rows
    areas = []
    for i in order:
        vertical, horizontal = found[i]
        left = max(within[0], box[0] + horizontal.start * across)
        right = min(within[2], box[0] + horizontal.stop * across)
        top, bottom = max(within[1], box[1] + vertical.start * down), min(within[3], box[1] + vertical.stop * down)
        x, y = floor(left), floor(top)
        if right > left and bottom > top:
            mean = float(sums[i] / sizes[i])
            areas.append(AffectedArea(x=x, y=y, width=ceil(right) - x, height=ceil(bottom) - y, probability=mean))
    return tuple(areas)
