"""Pixels -> what faults leave between neighbours and among colours: steps, lines, plateaus, hues, saturation.

A median or a palette makes neighbours equal, noise makes them differ, sharpening makes edges overshoot; tiles, torn
rows, lost blocks and patches end in straight lines that no scene has (see Fridrich, Kodovsky 2012: rich models, of
differences of the first and second order). Casts, faded, false and too strong colours are told by which hues and
saturations a picture has. Backbone features, which were learnt for single faults, hold little of either.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.views.planes import continued, luma
from distortion_heads.views.units import FEATURE_LIMIT

MOST_PIXELS = 2**17
"""About the most pixels whose neighbours are compared along one direction: whole rows, every n-th of a picture."""

MOST_COLOURS = 2**15
"""About the most pixels whose colours are counted."""

LEAST_SIDE = 48
"""Rows and columns below which a picture is continued by its edge, and to which it is thinned at most."""

STEPS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
"""Where the bins of differences of grey levels begin, of neighbours and of second order; the last has no end."""

BANDS, NEAR = 6, 3
"""Parts of the rows in which lines are looked for, and steps to either side with which a line is compared."""

TOPS = (0, 1, 2, 4, 8, 16)
"""Places in the order of the clearest lines."""

SEGMENT, SPANS = 16, (0, 2, 6)
"""Pixels of a piece of a row, and the ranges of grey levels up to which it counts as flat."""

FEW = 1e-5
"""Share that counts as none."""

SATURATIONS, CHROMAS, HUES, QUARTERS, DEPTH = 16, 8, 24, 4, 32
"""Bins of saturation, of each chroma, of hue; parts of the scale of luma; levels of a channel among which colours
count as different."""

TELLING = 0.005
"""Share of the pixels that a part of the scale of luma needs for half of its colour to be believed."""


def traces(pixels: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Float32 (208,), each about in [-4, 4], of uint8 (H, W, 3); only of what is in `mask` (H, W), if that is given."""
    pixels = continued(pixels, LEAST_SIDE)
    mask = None if mask is None else continued(mask, LEAST_SIDE)
    flat = pixels.reshape(-1, 3) if mask is None else pixels[mask]
    every = max(1, len(flat) // MOST_COLOURS)
    parts = [colours(flat[::every].astype(np.int32))]
    for axis in (0, 1):
        rows = thinned(pixels, axis)
        known = None if mask is None else thinned(mask, axis)
        parts.append(_along(rows, known))
    values: NDArray[np.float32] = np.clip(np.concatenate(parts), -FEATURE_LIMIT, FEATURE_LIMIT).astype(np.float32)
    return values


def thinned(plane: NDArray[Any], axis: int) -> NDArray[Any]:
    """Every n-th row (axis 0) or column (axis 1), as rows, of (H, W) or (H, W, 3): see `MOST_PIXELS`."""
    height, width = plane.shape[:2]
    every = max(1, min(-(-height * width // MOST_PIXELS), plane.shape[axis] // LEAST_SIDE))
    return plane[::every] if axis == 0 else np.swapaxes(plane[:, ::every], 0, 1)


def colours(pixels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Float64 (118,) of int32 (n, 3).

    Log counts of saturations, of pairs of chromas and of hues by their saturation; mean chromas and saturation of each
    part of the scale of luma; the share of grey pixels and how many colours there are.
    """
    planes = np.ascontiguousarray(pixels.T)
    red, green, blue = planes
    grey = luma(planes)
    most = np.maximum(np.maximum(red, green), blue)
    saturation = most - np.minimum(np.minimum(red, green), blue)
    chromas = [np.clip((channel - grey + 64) // 16, 0, CHROMAS - 1) for channel in (blue, red)]
    code = ((red // 8) * DEPTH + green // 8) * DEPTH + blue // 8
    kinds = np.count_nonzero(np.bincount(code, minlength=DEPTH**3))
    return np.concatenate(
        [
            _log_shares(np.bincount(saturation // 16, minlength=SATURATIONS), 4.0),
            _log_shares(np.bincount(chromas[0] * CHROMAS + chromas[1], minlength=CHROMAS**2), 2.0),
            _log_shares(np.bincount(_hue(planes, most, saturation), saturation, minlength=HUES), 4.0),
            _tinges(grey // 64, np.stack([blue - grey, red - grey, saturation])),
            [np.log10(10 * FEW + np.mean(saturation == 0)), np.log2(kinds) - 11],
        ]
    )


def _log_shares(counts: NDArray[Any], centre: float) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.log1p(5000 * counts / max(counts.sum(), 1)) - centre
    return shares


def _hue(planes: NDArray[np.int32], most: NDArray[np.int32], saturation: NDArray[np.int32]) -> NDArray[np.int32]:
    """Int32 (n,): the bin of the hue, in whole numbers, so that it is the same everywhere."""
    red, green, blue = planes
    span = np.maximum(saturation, 1)
    third = HUES // 3
    from_red = (4 * (green - blue + span) // span + HUES - 4) % HUES
    from_green = 4 * (blue - red + span) // span + third - 4
    from_blue = 4 * (red - green + span) // span + 2 * third - 4
    hue: NDArray[np.int32] = np.where(most == red, from_red, np.where(most == green, from_green, from_blue))
    return hue


def _tinges(quarter: NDArray[np.int32], values: NDArray[np.int32]) -> NDArray[np.float64]:
    """(12,): the mean of each of `values` (3, n) over the pixels of each quarter of luma, 0 where there are none."""
    count = np.bincount(quarter, minlength=QUARTERS)
    share = count / len(quarter)
    told = share / (share + TELLING) / 20
    means = [np.bincount(quarter, value, minlength=QUARTERS) / np.maximum(count, 1) for value in values]
    return np.concatenate([told * mean for mean in means])


def _along(rows: NDArray[Any], known: NDArray[Any] | None) -> NDArray[np.float64]:
    """(45,) of rows of pixels (R, C, 3): differences of neighbours, of second order, lines across, flat pieces."""
    grey = luma(np.moveaxis(rows, 2, 0)).astype(np.int16)
    first = np.abs(grey[:, 1:] - grey[:, :-1])
    second = np.minimum(np.abs(grey[:, 2:] - 2 * grey[:, 1:-1] + grey[:, :-2]), 255)
    steps = [first, second]
    if known is None:
        told, counted = np.ones((BANDS, first.shape[1])), steps
    else:
        pairs = known[:, 1:] & known[:, :-1]
        counted = [first[pairs], second[pairs[:, 1:] & pairs[:, :-1]]]
        first = np.where(pairs, first, 0)
        told = np.maximum(_in_bands(pairs), FEW)
    bands = _in_bands(first) / told
    whole = (bands * told).sum(axis=0, keepdims=True) / told.sum(axis=0, keepdims=True)
    return np.concatenate([*(_step_shares(part) for part in counted), lines(whole), lines(bands), _flat(grey, known)])


def _step_shares(steps: NDArray[np.int16]) -> NDArray[np.float64]:
    """(14,): the log share of differences of each size."""
    grey = np.ascontiguousarray(steps, np.uint8).reshape(1, -1)
    counts = np.array(Image.fromarray(grey).histogram() if grey.size else [0] * 256, np.float64)
    shares: NDArray[np.float64] = np.log10(FEW + np.add.reduceat(counts, STEPS) / max(grey.size, 1)) + 2
    return shares


def _in_bands(values: NDArray[Any]) -> NDArray[np.float64]:
    """(bands, C): means over each band of the rows; what is left of them counts nowhere."""
    each = len(values) // BANDS
    means: NDArray[np.float64] = values[: BANDS * each].reshape(BANDS, each, -1).mean(axis=1, dtype=np.float64)
    return means


def lines(profile: NDArray[np.float64]) -> NDArray[np.float64]:
    """(6,): how far the clearest places of a profile, (bands, C) mean differences, stand out from those beside them."""
    places = np.arange(profile.shape[1])
    beside = [np.clip(places + step, 0, len(places) - 1) for step in range(-NEAR, NEAR + 1) if step]
    around = np.stack([profile[:, place] for place in beside])
    clear = ((profile - around.max(axis=0)) / (around.mean(axis=0) + 1)).ravel()
    last = len(clear) - 1
    highest: NDArray[np.float64] = np.sort(np.partition(clear, last - max(TOPS))[last - max(TOPS) :])[::-1]
    return highest[list(TOPS)]


def _flat(grey: NDArray[np.int16], known: NDArray[Any] | None) -> NDArray[np.float64]:
    """(3,): the log share of pieces of a row whose grey levels lie within each of `SPANS`."""
    pieces = grey[:, : grey.shape[1] // SEGMENT * SEGMENT].reshape(len(grey), -1, SEGMENT)
    span = (pieces.max(axis=2) - pieces.min(axis=2)).ravel()
    if known is not None:
        whole = known[:, : pieces.shape[1] * SEGMENT].reshape(len(grey), -1, SEGMENT).all(axis=2).ravel()
        span = span[whole]
    return np.array([np.log10(100 * FEW + np.count_nonzero(span <= most) / max(span.size, 1)) + 2 for most in SPANS])
