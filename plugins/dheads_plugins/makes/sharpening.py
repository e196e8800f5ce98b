"""Sharpening as programs and cameras do it, too much of it: masks of any width, Laplacians, of the luma or of all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import LUMA, Floats, clip01

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

AMOUNT = (0.9, 1.6, 2.6, 4.2, 7.0)
"""How often the difference from the smoothed picture is added."""


def _detail(image: FloatImage, sigma: float) -> Floats:
    from scipy.ndimage import gaussian_filter

    detail: Floats = image - gaussian_filter(image, (sigma, sigma, 0))
    return detail


def _sharpened(image: FloatImage, detail: Floats, rng: np.random.Generator) -> FloatImage:
    return clip01(image + ((detail @ LUMA)[..., None] if rng.random() < 0.4 else detail))


def unsharp(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """An unsharp mask of .6 to 4 pixels, sometimes only where the difference is large."""
    sigma = math.exp(rng.uniform(math.log(0.6), math.log(4.0)))
    detail = _detail(image, sigma)
    if rng.random() < 0.4:
        detail = np.where(np.abs(detail) > np.float32(rng.uniform(1, 6) / 255), detail, np.float32(0))
    return _sharpened(image, np.float32(at_severity(AMOUNT, severity) / math.sqrt(max(sigma, 1.0))) * detail, rng)


def laplacian(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """A Laplacian of four or of eight neighbours is taken away."""
    from scipy.ndimage import convolve

    cross, square = ((0, -1, 0), (-1, 4, -1), (0, -1, 0)), ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1))
    wide = rng.random() < 0.5
    kernel = np.array(square if wide else cross, np.float32)[..., None]
    amount = at_severity((0.35, 0.6, 1.0, 1.6, 2.6), severity) * (0.5 if wide else 1.0)
    return _sharpened(image, np.float32(amount) * convolve(image, kernel, mode="mirror"), rng)


def crisp(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Sharpened by the local contrast: weak texture much, edges that reach black or white hardly."""
    from scipy.ndimage import maximum_filter, minimum_filter

    luma: Floats = image @ LUMA
    low, high = minimum_filter(luma, 3), maximum_filter(luma, 3)
    room = np.sqrt(np.clip(np.minimum(low, 1 - high) / np.maximum(high, np.float32(1e-3)), 0, 1))
    detail = _detail(image, rng.uniform(0.5, 1.0)) * room[..., None]
    return _sharpened(image, np.float32(at_severity((2.0, 3.5, 5.5, 8.0, 12.0), severity)) * detail, rng)


def clarity(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Local contrast of wide surroundings, as phones and "clarity" sliders raise it: halos of many pixels."""
    sigma = rng.uniform(5.0, 20.0) * math.sqrt(min(image.shape[:2]) / 384)
    return _sharpened(
        image, np.float32(at_severity((0.35, 0.6, 0.95, 1.4, 2.1), severity)) * _detail(image, sigma), rng
    )
