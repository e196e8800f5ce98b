"""Colours for probabilities, whose steps look equally large: from dark violet over red to light yellow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STOPS = ((0.20, 0.09, 300.0), (0.42, 0.17, 330.0), (0.62, 0.19, 25.0), (0.78, 0.15, 60.0), (0.95, 0.10, 100.0))
"""Lightness, chroma and hue in degrees, in OKLab, of colours on the way; lightness only rises, for print and for eyes
that tell no hues apart."""

# Ottosson 2020, "A perceptual color space for image processing": OKLab -> cone responses -> linear sRGB
_TO_CONES = (
    (1.0, 0.3963377774, 0.2158037573),
    (1.0, -0.1055613458, -0.0638541728),
    (1.0, -0.0894841775, -1.2914855480),
)
_TO_RGB = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)


def heat_colours(count: int = 256) -> NDArray[np.uint8]:
    """Return uint8 (count, 3), sRGB: the colours of 0 to 1 at equal distances in OKLab (Ottosson 2020)."""
    path = _path()
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.linspace(0, length[-1], count)
    lab = np.stack([np.interp(at, length, path[:, i]) for i in range(3)], axis=1)
    linear = np.clip((lab @ np.array(_TO_CONES).T) ** 3 @ np.array(_TO_RGB).T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * encoded), np.uint8)


def _path() -> NDArray[np.float64]:
    """OKLab (n, 3) of points close to each other, from stop to stop."""
    stops = np.array(STOPS)
    stops[:, 2] = np.unwrap(stops[:, 2], period=360)
    at = np.linspace(0, len(stops) - 1, 1000)
    light, chroma, hue = (np.interp(at, np.arange(len(stops)), stops[:, i]) for i in range(3))
    return np.stack([light, chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))], axis=1)
