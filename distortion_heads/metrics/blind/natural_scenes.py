"""Statistics of natural scenes (Mittal, Moorthy, Bovik 2012): 18 numbers a scale of locally normalized luma."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from distortion_heads.errors import InputError
from distortion_heads.views.units import LUMA_PARTS

SCALES = 2
PER_SCALE = 18
LEAST = 32
"""Shorter side in pixels."""

_SIGMA = 7 / 6
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


def brisque_features(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the 36 features of BRISQUE of uint8 (H, W, 3): 18 at full and 18 at half size.

    Raises `InputError` for a picture below `LEAST` pixels a side.
    """
    check_side(pixels, LEAST, "BRISQUE")
    return np.concatenate([scene_statistics(normalized(luma)[0]) for luma in pyramid(pixels)])


def check_side(pixels: NDArray[np.uint8], least: int, title: str) -> None:
    """Raise `InputError` if a side is below `least` pixels."""
    height, width = pixels.shape[:2]
    if min(height, width) < least:
        raise InputError(f"{title} needs {least} pixels a side at least, the picture has {width}x{height}")


def pyramid(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float64], ...]:
    """Return luma, float64 (H, W) in grey levels, and the same at half size by means of 2 x 2."""
    luma = pixels @ (np.array(LUMA_PARTS) / sum(LUMA_PARTS))
    half = luma[: luma.shape[0] // 2 * 2, : luma.shape[1] // 2 * 2]
    return luma, (half[::2, ::2] + half[1::2, ::2] + half[::2, 1::2] + half[1::2, 1::2]) / 4


def normalized(luma: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return luma less its local mean, over its local deviation plus 1; and that deviation, both (H, W)."""
    from scipy.ndimage import gaussian_filter

    mean = gaussian_filter(luma, _SIGMA, truncate=2.6, mode="nearest")
    variance = gaussian_filter(luma**2, _SIGMA, truncate=2.6, mode="nearest") - mean**2
    deviation = np.sqrt(np.maximum(variance, 0))
    return (luma - mean) / (deviation + 1), deviation


def scene_statistics(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 18 numbers of normalized luma (h, w): shape and variance, and four of each product of neighbours."""
    height, width = values.shape
    numbers = list(_symmetric(values))
    for down, right in _SHIFTS:
        first = values[: height - down, max(-right, 0) : width - max(right, 0)]
        second = values[down:, max(right, 0) : width - max(-right, 0)]
        numbers += _asymmetric(first * second)
    return np.array(numbers, np.float64)


def _symmetric(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return shape and variance of the generalized Gaussian with the same moments (Sharifi, Leon-Garcia 1995)."""
    variance = float((values**2).mean())
    return _shape(_ratio(float(np.abs(values).mean()), variance)), variance


def _asymmetric(values: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return shape, mean, left and right variance of the asymmetric one (Lasmar, Stitou, Berthoumieu 2009)."""
    from scipy.special import gamma

    left, right = (_mean_square(values[side]) for side in (values < 0, values > 0))
    lean = np.sqrt(left / right) if right > 0 else 1.0
    ratio = _ratio(float(np.abs(values).mean()), float((values**2).mean()))
    shape = _shape(ratio * (lean**3 + 1) * (lean + 1) / (lean**2 + 1) ** 2)
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    mean = (np.sqrt(right) - np.sqrt(left)) * scale * gamma(2 / shape) / gamma(1 / shape)
    return shape, float(mean), left, right


def _mean_square(values: NDArray[np.float64]) -> float:
    return float((values**2).mean()) if values.size else 0.0


def _ratio(mean: float, variance: float) -> float:
    return mean**2 / variance if variance > 0 else 1.0


def _shape(ratio: float) -> float:
    """Return the shape of which the squared mean magnitude is `ratio` of the variance, .2 to 10."""
    shapes, ratios = _shapes()
    return float(np.interp(ratio, ratios, shapes))


@lru_cache(maxsize=1)
def _shapes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.special import gamma

    shapes = np.arange(0.2, 10.0005, 0.001)
    return shapes, gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))
