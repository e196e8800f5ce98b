"""The quality of JPEG pictures from their blocks of eight (Wang, Sheikh, Bovik 2002)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from distortion_heads.metrics.blind.natural_scenes import check_side, pyramid

BLOCK = 8
LEAST = 2 * BLOCK
"""Shorter side in pixels."""

# alpha, beta and the powers of blocking, activity and zero crossings, as fitted by the authors to people's ratings.
_ALPHA, _BETA, _POWERS = -245.8909, 261.9373, (-239.8886e-4, 160.1664e-4, 64.2859e-4)
_TINY = 1e-6
"""Stands for a figure of nothing, of which no power of a negative exponent could be taken."""


def jpeg_quality(pixels: NDArray[np.uint8]) -> float:
    """Return the score of a picture that was stored as JPEG, uint8 (H, W, 3): about 1 is bad, 10 is good.

    Blocks are taken to begin in the upper left corner. Raises `InputError` for a picture below `LEAST` pixels a side.
    """
    check_side(pixels, LEAST, "the JPEG score")
    luma = pyramid(pixels)[0]
    along, down = _direction(luma), _direction(luma.T)
    figures = np.maximum((along + down) / 2, _TINY)
    return float(_ALPHA + _BETA * np.prod(figures ** np.array(_POWERS)))


def _direction(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the jump at the edges of blocks, the activity within them, and how often differences change their sign."""
    steps = np.diff(luma, axis=1)
    jump = np.abs(steps[:, BLOCK - 1 :: BLOCK]).mean()
    activity = (BLOCK * np.abs(steps).mean() - jump) / (BLOCK - 1)
    crossings = (steps[:, :-1] * steps[:, 1:] < 0).mean()
    return np.array([jump, activity, crossings])
