"""Three measures that anyone writes in ten lines, as what the heads must at least equal."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from distortion_heads.io.float_images import to_float

GRID = 512
"""Longer side of the grid on which sharpness is measured, so that it does not depend on how large a picture is."""

HANDMADE: Mapping[str, str] = {
    "blur": "variance of the Laplacian, on a fixed grid, negative",
    "noise": "residual of a median filter",
    "exposure": "distance of the mean luminance from the middle",
}
"""The measure of each family that has one; higher means more of it."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def handmade(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return float64 (3,): the measures of uint8 RGB (H, W, 3), in the order of `HANDMADE`."""
    from scipy import ndimage

    gray = to_float(pixels) @ _LUMA
    residual = np.abs(gray - ndimage.median_filter(gray, size=3))
    sharpness = float(ndimage.laplace(_on_grid(gray)).var())
    return np.array([-sharpness, float(residual.mean()), abs(float(gray.mean()) - 0.5)])


def _on_grid(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    from PIL import Image

    height, width = gray.shape
    share = GRID / max(height, width)
    size = (max(round(width * share), 1), max(round(height * share), 1))
    return np.asarray(
        Image.fromarray(gray).resize(size, Image.Resampling.BOX if share < 1 else Image.Resampling.BICUBIC)
    )
