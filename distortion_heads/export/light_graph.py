"""`views.light` as nodes: what changes of light leave in the histogram and in where the picture is bright."""

from __future__ import annotations

import numpy as np

from distortion_heads.export.drift_graph import drift
from distortion_heads.export.tensors import Tensor, counted, joined, where
from distortion_heads.views.light import (
    BRIGHTEST,
    CENTRES,
    COARSE,
    CONTRAST,
    DARKEST,
    END_SHARE,
    FEWEST_PIXELS,
    GAP,
    GREY,
    GRID,
    LEAST_MEDIAN,
    LEVELS,
    MOST_PIXELS,
    PEAK,
    REACH,
    SAMPLES,
    SEGMENTS,
    SHARE,
    SPREADS,
)
from distortion_heads.views.units import CELL, FEATURE_LIMIT, LUMA_PARTS

PLANES = 4
"""R, G, B and the largest of them."""


def light_statistics(pixels: Tensor, small: Tensor) -> Tensor:
    """`views.light.light_statistics` of uint8 (H, W, 3) and of its overview: float32 (1, 434)."""
    down, right = (_spread(small.length(axis), SAMPLES).reshape(1, -1) for axis in (0, 1))
    parts = [_tones(pixels).reshape(1, -1), drift(small), _layouts(small, down, right, SAMPLES)]
    return joined(parts, 1).op("Clip", -FEATURE_LIMIT, FEATURE_LIMIT).cast(np.float32)


def _tones(pixels: Tensor) -> Tensor:
    counts = _histograms(pixels).cast(np.float64)
    total = counts.take(0, 0).sum(0)
    share = counts / total
    log = _log1p(share * float(SHARE))
    values = joined([_comb(log), _ends(share, log), _shape(share)], 1)
    told = (total / float(FEWEST_PIXELS)).minimum(1.0)
    return (values - CENTRES) * told / SPREADS


def _histograms(pixels: Tensor) -> Tensor:
    """int64 (4, 256) of every n-th pixel."""
    flat = pixels.reshape(-1, 3)
    every = (flat.length(0) + (MOST_PIXELS - 1)) / MOST_PIXELS
    colours = flat.part(0, 0, flat.length(0), every).cast(np.int32)
    brightest = colours.op("ReduceMax", axes=[1], keepdims=1)
    levels = joined([colours, brightest], 1).cast(np.int64) + np.arange(PLANES) * LEVELS
    return counted(levels.reshape(-1), PLANES * LEVELS).reshape(PLANES, LEVELS)


def _comb(log: Tensor) -> Tensor:
    around = np.clip(np.arange(LEVELS)[:, np.newaxis] + np.arange(-REACH, REACH + 1), 0, LEVELS - 1)
    median = log.take(around, 1).sorted(2).take(REACH, 2)
    told = median > LEAST_MEDIAN
    ratio = where(told, log - median, 0.0)
    known = _segments(told.cast(np.float64)).maximum(1.0)
    parts = (
        ratio.minimum(0.0),
        ratio.maximum(0.0),
        (ratio < GAP).cast(np.float64),
        (ratio > PEAK).cast(np.float64),
    )
    return joined([_segments(part) / known for part in parts], 1)


def _segments(values: Tensor) -> Tensor:
    return values.reshape(PLANES, SEGMENTS, -1).sum(2)


def _ends(share: Tensor, log: Tensor) -> Tensor:
    taken = (share >= END_SHARE).cast(np.float32)
    first, last = (taken.op("ArgMax", axis=1, keepdims=1, select_last_index=which, dtype=np.int64) for which in (0, 1))
    top = LEVELS - 1
    low, high = log.along(first, 1), log.along(last, 1)
    rise = low - log.along((first + 2).minimum(top), 1)
    fall = high - log.along((last - 2).maximum(0), 1)
    darkest, brightest = (log.take(np.array([level]), 1) for level in (0, top))
    places = [place.cast(np.float64) / float(top) for place in (first, last)]
    return joined([*places, low, high, darkest, brightest, rise, fall], 1)


def _shape(share: Tensor) -> Tensor:
    return _log1p(share.reshape(PLANES, COARSE, -1).sum(2) * (SHARE / 10))


def window_layouts(small: Tensor, rows: Tensor, columns: Tensor, side: int) -> Tensor:
    """Return the layouts, float32 (rows * columns, 144), of that many windows of `side` pixels, one cell apart.

    `small` is the picture of `overview`; a window that is cut off at its edge begins before it.
    """
    samples = max(2, side // GRID)
    places: list[Tensor] = []
    for axis, windows in enumerate((rows, columns)):
        end = (windows.range() * CELL + side).minimum(small.length(axis)).reshape(-1, 1)
        start = (end - side).maximum(0)
        places.append(start + _spread(end - start, samples))
    return _layouts(small, places[0], places[1], samples).cast(np.float32)


def _layouts(small: Tensor, down: Tensor, right: Tensor, samples: int) -> Tensor:
    """The layout of each window, float64 (m * n, 144), whose pixels are at `down` (m, p) and `right` (n, p)."""
    m, n = down.length(0), right.length(0)
    colours = small.take(down, 0).take(right, 2).cast(np.float32).shaped(m, GRID, samples, n, GRID, samples, 3)
    colours = colours.op("Transpose", perm=[0, 3, 1, 4, 2, 5, 6]).shaped(m * n, GRID**2, samples**2, 3)
    # luma in thousandths of a grey level: whole numbers that single precision holds
    luma = (colours * np.array(LUMA_PARTS)).sum(3).sorted(2)
    least = (colours.op("ReduceMin", axes=[3], keepdims=0) * float(sum(LUMA_PARTS))).sorted(2)
    last = samples**2 - 1
    dark, bright = round(DARKEST * last), round(BRIGHTEST * last)
    mean = luma.cast(np.float64).mean(2)
    places = ((luma, dark), (luma, bright), (least, dark))
    quantiles = [values.take(place, 2).cast(np.float64) for values, place in places]
    return (joined([mean, *quantiles], 1) / (255.0 * sum(LUMA_PARTS)) - GREY) / CONTRAST


def _spread(side: Tensor, samples: int) -> Tensor:
    """`np.linspace(0, side - 1, GRID * samples).round()`, int64, for each side."""
    count = GRID * samples
    step = (side - 1).cast(np.float64) / float(count - 1)
    return (step.alike(np.arange(count)) * step).op("Round").cast(np.int64)


def _log1p(values: Tensor) -> Tensor:
    return (values + 1.0).op("Log")
