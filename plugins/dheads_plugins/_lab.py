"""sRGB <-> CIE L*a*b* (1976), white point D65, 2 degree observer (IEC 61966-2-1; CIE 15:2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

_RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
# Rows divided by the white point (their own sums), so that a grey pixel has a = b = 0 exactly.
_TO_WHITE_RATIOS = (_RGB_TO_XYZ / _RGB_TO_XYZ.sum(1, keepdims=True)).astype(np.float32)
_FROM_WHITE_RATIOS = np.linalg.inv(_TO_WHITE_RATIOS.astype(np.float64)).astype(np.float32)
_DELTA = 6 / 29


def rgb_to_lab(image: FloatImage) -> FloatImage:
    """Convert float32 (..., 3) sRGB in [0, 1] to L* in [0, 100], a* and b* in about [-110, 100]."""
    linear = np.where(image <= 0.04045, image / 12.92, np.power((image + 0.055) / 1.055, np.float32(2.4)))
    ratios = linear.reshape(-1, 3) @ _TO_WHITE_RATIOS.T
    f = np.where(ratios > _DELTA**3, np.cbrt(ratios), ratios / (3 * _DELTA**2) + 4 / 29)
    lab: FloatImage = np.empty_like(f)
    lab[:, 0] = 116 * f[:, 1] - 16
    lab[:, 1] = 500 * (f[:, 0] - f[:, 1])
    lab[:, 2] = 200 * (f[:, 1] - f[:, 2])
    return lab.reshape(image.shape)


def lab_to_rgb(lab: FloatImage) -> FloatImage:
    """Convert float32 (..., 3) L*a*b* to sRGB in [0, 1]; colours outside the gamut are clipped in linear light."""
    flat = lab.reshape(-1, 3)
    f = np.empty_like(flat)
    f[:, 1] = (flat[:, 0] + 16) / 116
    f[:, 0] = f[:, 1] + flat[:, 1] / 500
    f[:, 2] = f[:, 1] - flat[:, 2] / 200
    ratios = np.where(f > _DELTA, f * f * f, 3 * _DELTA**2 * (f - 4 / 29))
    linear = np.clip(ratios @ _FROM_WHITE_RATIOS.T, 0, 1)
    rgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.power(linear, np.float32(1 / 2.4)) - 0.055)
    clipped: FloatImage = np.clip(rgb, 0, 1).reshape(lab.shape)
    return clipped
