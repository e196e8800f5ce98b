"""Sharpness by gradients, which knows blur and takes noise for detail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from distortion_heads.metrics.blind.natural_scenes import pyramid


def gradient_sharpness(pixels: NDArray[np.uint8]) -> float:
    """Return the log of 1 + the mean squared Sobel gradient of luma (Tenenbaum 1970); uint8 (H, W, 3)."""
    from scipy.ndimage import sobel

    luma = pyramid(pixels)[0]
    return float(np.log1p(np.mean(sobel(luma, 0) ** 2 + sobel(luma, 1) ** 2)))
