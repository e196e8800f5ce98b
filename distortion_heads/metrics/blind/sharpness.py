"""S3, how sharp a picture looks where it is sharpest (Vu, Phan, Chandler 2012): by spectrum and by differences."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from distortion_heads.metrics.blind.natural_scenes import check_side, pyramid

BLOCK, BLOCK_STEP = 32, 8
CELL, CELL_STEP = 8, 4
LEAST = BLOCK
"""Shorter side in pixels."""

SHARPEST = 0.01
"""Share of the map over which the mean is taken."""

# A slope of the spectrum of 1 looks sharp, one of 3 does not; below these contrasts of luminance nothing looks sharp.
_STEEPNESS, _MIDDLE = 3.0, 2.0
_LEAST_RANGE, _LEAST_MEAN = 5.0, 2.0
_BLACK, _GAIN, _DISPLAY = 0.7656, 0.0364, 2.2
"""The display's luminance is (black + gain * value) ** display."""


def s3_sharpness(pixels: NDArray[np.uint8]) -> float:
    """Return the sharpness of uint8 (H, W, 3), in [0, 1]: the mean of the sharpest hundredth of the map.

    Raises `InputError` for a picture below `LEAST` pixels a side.
    """
    check_side(pixels, LEAST, "S3")
    luma = pyramid(pixels)[0]
    spectral, spatial = spectral_sharpness(luma), spatial_sharpness(luma)
    # Both maps on the coarser grid: of the finer one the largest value within each block's middle.
    factor = BLOCK_STEP // CELL_STEP
    middle = (BLOCK - BLOCK_STEP) // 2 // CELL_STEP
    rows, columns = spectral.shape
    shifts = [
        spatial[middle + down :: factor, middle + right :: factor][:rows, :columns]
        for down in range(factor)
        for right in range(factor)
    ]
    values = np.sort(np.sqrt(spectral * np.max(shifts, axis=0)).ravel())
    return float(values[-max(1, round(SHARPEST * len(values))) :].mean())


def spectral_sharpness(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return in [0, 1] for blocks of 32, every 8 pixels of luma (H, W), how flat the spectrum is."""
    blocks = np.lib.stride_tricks.sliding_window_view(luma, (BLOCK, BLOCK))[::BLOCK_STEP, ::BLOCK_STEP]
    shown = (_BLACK + _GAIN * blocks) ** _DISPLAY
    visible = (np.ptp(shown, axis=(2, 3)) > _LEAST_RANGE) & (shown.mean((2, 3)) > _LEAST_MEAN)
    found: NDArray[np.float64] = np.zeros(visible.shape)
    if visible.any():
        found[visible] = 1 - 1 / (1 + np.exp(-_STEEPNESS * (_slopes(blocks[visible]) - _MIDDLE)))
    return found


def spatial_sharpness(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return in [0, 1] for cells of 8, every 4 pixels of luma (H, W), the largest variation of 2 x 2 pixels."""
    a, b, c, d = luma[:-1, :-1], luma[:-1, 1:], luma[1:, :-1], luma[1:, 1:]
    variation = sum(np.abs(one - other) for one, other in ((a, b), (c, d), (a, c), (b, d), (a, d), (b, c)))
    inner = np.lib.stride_tricks.sliding_window_view(variation / (4 * 255), (CELL - 1, CELL - 1))
    found: NDArray[np.float64] = inner[::CELL_STEP, ::CELL_STEP].max((2, 3))
    return found


def _slopes(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for (n, 32, 32) by which power of the frequency the magnitude falls."""
    window, places, weights = _radial()
    magnitude = np.abs(np.fft.fft2(blocks * window)).reshape(len(blocks), -1)
    rings = np.maximum(magnitude[:, places.ravel() >= 0] @ weights, 1e-12)
    frequency = np.log(np.arange(1, rings.shape[1] + 1))
    centred = frequency - frequency.mean()
    slopes: NDArray[np.float64] = -(np.log(rings) @ centred) / (centred @ centred)
    return slopes


@lru_cache(maxsize=1)
def _radial() -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the window, the ring of each coefficient (-1: none), and what takes means over the rings."""
    ramp = np.hanning(BLOCK + 2)[1:-1]
    frequency = np.fft.fftfreq(BLOCK) * BLOCK
    radius = np.rint(np.hypot(frequency[:, None], frequency)).astype(np.int64)
    places = np.where((radius >= 1) & (radius <= BLOCK // 2), radius - 1, -1)
    weights = np.eye(BLOCK // 2)[places[places >= 0]]
    return np.outer(ramp, ramp), places, weights / weights.sum(0)
