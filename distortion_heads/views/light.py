"""Pixels -> what changes of light leave: gaps, peaks and cut ends of the histogram, and where it drifts and lies.

A picture of 8 bits whose tones were stretched has grey levels that no pixel takes, one whose tones were compressed has
levels that take a double share, and a shift or a gain piles up what it clips (Stamm, Liu 2010: intrinsic fingerprints
of contrast enhancement). Where along the scale they lie shows which way the curve bends. Reducing the picture or
storing it as JPEG fills the gaps. Lost corners, a lamp and haze are told by where light and dark lie; haze lifts even
the darkest channel (He, Sun, Tang 2009). Backbone features, pooled over all of the picture, hold neither.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.views.drift import drift
from distortion_heads.views.units import FEATURE_LIMIT, LUMA_PARTS
from distortion_heads.views.windows import overview_view

MOST_PIXELS = 2**17
"""Most pixels that are counted, as many as training pictures have: every n-th of a larger picture."""

FEWEST_PIXELS = 2**14
"""Fewest pixels whose histogram says enough: a smaller one is as ragged as one whose tones were bent."""

LEVELS, SEGMENTS, COARSE = 256, 8, 16
REACH = 4
"""A level is compared with the median of those up to this many steps away."""

SHARE = 50_000
"""Counts are scaled as if the picture had this many pixels."""

LEAST_MEDIAN = 1.5
"""Log count around a level from which a gap or a peak there means anything."""

GAP, PEAK = -1.0, 0.5
"""Log ratio to its surroundings from which a level counts as one."""

END_SHARE = 2e-5
"""The ends of the histogram: the first and last level that at least this share of the pixels take."""

CENTRES = np.repeat([-0.17, 0.05, 0.03, 0.02, 0.04, 0.94, 4.0, 1.0, 4.6], [8, 8, 8, 8, 1, 1, 4, 2, 16])
SPREADS = np.repeat([0.4, 0.07, 0.09, 0.06, 0.1, 0.1, 3.0, 2.2, 1.8], [8, 8, 8, 8, 1, 1, 4, 2, 16])
"""About the mean and the standard deviation of each statistic of a histogram over training pictures."""

GRID, SAMPLES = 6, 20
"""Cells of the layout, and pixels of a cell that are read, each along either side."""

DARKEST, BRIGHTEST = 0.02, 0.98
"""Quantiles of a cell that stand for its darkest and its brightest pixels."""

GREY, CONTRAST = 0.45, 0.25
"""About the mean and the standard deviation of the layout over training pictures."""


def with_light(
    overview: NDArray[np.float32],
    pixels: NDArray[np.uint8],
    small: NDArray[np.uint8] | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Return the view "light": features (K, dim) of uint8 (H, W, 3), each followed by `light_statistics`.

    Returns float32 (K, dim + 434). `small` is the picture of `overview_view`, where that is known.
    """
    statistics = light_statistics(pixels, small, mask)
    return np.concatenate([overview, np.broadcast_to(statistics, (len(overview), len(statistics)))], axis=1)


def light_statistics(
    pixels: NDArray[np.uint8], small: NDArray[np.uint8] | None = None, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Float32 (434,), each about in [-3, 3], of uint8 (H, W, 3).

    56 of each of 4 histograms, 66 of where light drifts, 4 of each of 36 cells. The histograms
    count what is in `mask` (H, W) alone.
    """
    small = overview_view(pixels).image if small is None else small
    counted = pixels if mask is None else pixels[mask][np.newaxis]
    statistics = np.concatenate([tones(counted).ravel(), drift(small), layout(small).ravel()])
    clipped: NDArray[np.float32] = np.clip(statistics, -FEATURE_LIMIT, FEATURE_LIMIT).astype(np.float32)
    return clipped


def tones(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Float64 (4, 56) of the histograms of R, G, B and max(R, G, B) of uint8 (H, W, 3).

    Of the log ratio of each level to its surroundings, over 8 segments of the scale: the mean of what lies below 0, of
    what lies above, the share of gaps, the share of peaks. Then the places of both ends, their log counts, those of
    levels 0 and 255, and how steeply the ends rise; then log counts of 16 coarse levels. They shrink to 0, which is
    what is usual, for pictures of fewer than `FEWEST_PIXELS`.
    """
    counts = histograms(pixels).astype(np.float64)
    share = counts / counts.sum(axis=1, keepdims=True)
    log = np.log1p(SHARE * share)
    values = np.concatenate([_comb(log), _ends(share, log), _shape(share)], axis=1)
    told = min(1.0, counts[0].sum() / FEWEST_PIXELS)
    scaled: NDArray[np.float64] = told * (values - CENTRES) / SPREADS
    return scaled


def histograms(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Int64 (4, 256): how many pixels of uint8 (H, W, 3) take each level of R, G, B and max(R, G, B)."""
    every = -(-pixels.shape[0] * pixels.shape[1] // MOST_PIXELS)
    red, green, blue = (np.ascontiguousarray(pixels[..., channel].reshape(-1)[::every]) for channel in range(3))
    planes = (red, green, blue, np.maximum(np.maximum(red, green), blue))
    # Pillow counts bytes as they are, twice as fast as `bincount`, which needs them in 8 bytes each
    return np.array([Image.frombuffer("L", (len(p), 1), p, "raw", "L", 0, 1).histogram() for p in planes], np.int64)


def layout(small: NDArray[np.uint8], samples: int = SAMPLES) -> NDArray[np.float64]:
    """Float64 (4, 36): luma, its dark and bright quantile, and the dark quantile of min(R, G, B), in 6 x 6 cells.

    Of uint8 (H, W, 3), the picture of `overview_view`; `samples` pixels of a cell are read along either side.
    """
    down, right = (np.linspace(0, side - 1, GRID * samples).round().astype(np.intp) for side in small.shape[:2])
    red, green, blue = np.moveaxis(small[down][:, right].astype(np.int32), 2, 0)
    luma = _by_cell(sum(part * plane for part, plane in zip(LUMA_PARTS, (red, green, blue), strict=True)), samples)
    least = _by_cell(sum(LUMA_PARTS) * np.minimum(np.minimum(red, green), blue), samples)
    last = samples**2 - 1
    dark, bright = round(DARKEST * last), round(BRIGHTEST * last)
    quantiles = np.stack([luma.mean(axis=1), luma[:, dark], luma[:, bright], least[:, dark]]) / (255 * sum(LUMA_PARTS))
    scaled: NDArray[np.float64] = (quantiles - GREY) / CONTRAST
    return scaled


def _by_cell(plane: NDArray[np.int32], samples: int) -> NDArray[np.int32]:
    """(cells, pixels of a cell), sorted."""
    cells = plane.reshape(GRID, samples, GRID, samples).swapaxes(1, 2).reshape(GRID**2, samples**2)
    return np.sort(cells, axis=1)


def _comb(log: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4 * SEGMENTS): how the levels stand out from those around them."""
    padded = np.pad(log, ((0, 0), (REACH, REACH)), mode="edge")
    around = np.sort(sliding_window_view(padded, 2 * REACH + 1, axis=1), axis=2)
    median = around[..., REACH]  # `np.median` would import what masks arrays, 10 ms at the start
    told = median > LEAST_MEDIAN
    ratio = np.where(told, log - median, 0.0)
    known = np.maximum(_segments(told), 1)
    parts = (np.minimum(ratio, 0), np.maximum(ratio, 0), ratio < GAP, ratio > PEAK)
    return np.concatenate([_segments(part) / known for part in parts], axis=1)


def _segments(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Sums over each segment of the scale."""
    sums: NDArray[np.float64] = values.reshape(len(values), SEGMENTS, -1).sum(axis=2, dtype=np.float64)
    return sums


def _ends(share: NDArray[np.float64], log: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 8): where the histogram begins and ends, how high it is there and at 0 and 255, and how steeply it rises."""
    taken = share >= END_SHARE
    first, last = taken.argmax(axis=1), LEVELS - 1 - taken[:, ::-1].argmax(axis=1)
    row, top = np.arange(len(log)), LEVELS - 1
    low, high = log[row, first], log[row, last]
    rise = low - log[row, np.minimum(first + 2, top)]
    fall = high - log[row, np.maximum(last - 2, 0)]
    return np.stack([first / top, last / top, low, high, log[:, 0], log[:, top], rise, fall], axis=1)


def _shape(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, COARSE): log counts, as if of a tenth of the pixels."""
    shape: NDArray[np.float64] = np.log1p(SHARE / 10 * share.reshape(len(share), COARSE, -1).sum(axis=2))
    return shape
