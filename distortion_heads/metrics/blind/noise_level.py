"""The deviation of white noise, from patches without texture (Liu, Tanaka, Okutomi 2013)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from distortion_heads.metrics.blind.natural_scenes import check_side, pyramid

PATCH = 7
LEAST = 4 * PATCH
"""Shorter side in pixels."""

CONFIDENCE = 1 - 1e-6
"""Share of the patches of noise alone that count as without texture."""

ROUNDS = 3
_SLOPE = np.array([-0.5, 0.0, 0.5])


def noise_level(pixels: NDArray[np.uint8]) -> float:
    """Return the standard deviation of additive white noise in the luma of uint8 (H, W, 3), in grey levels.

    The least eigenvalue of the covariance of all patches is the first guess; then, three times, of those patches whose
    gradients are no stronger than noise of the guessed deviation would make them. Raises `InputError` for a picture
    below `LEAST` pixels a side.
    """
    check_side(pixels, LEAST, "the noise level")
    luma = pyramid(pixels)[0]
    luma -= luma.mean()  # or products would be of much larger numbers than their differences
    patches = np.lib.stride_tricks.sliding_window_view(luma, (PATCH, PATCH)).reshape(-1, PATCH**2)
    texture = _texture(luma).ravel()
    variance = _least_eigenvalue(patches)
    for _ in range(ROUNDS):
        weak = patches[texture < variance * _limit()]
        if len(weak) <= PATCH**2:  # the covariance of so few patches says nothing
            break
        variance = _least_eigenvalue(weak)
    return float(np.sqrt(variance))


def _texture(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of the squared gradients in each patch, the trace of their covariance."""
    across = (luma[:, 2:] - luma[:, :-2]) ** 2 / 4
    down = (luma[2:] - luma[:-2]) ** 2 / 4
    return _sums(across, PATCH, PATCH - 2) + _sums(down, PATCH - 2, PATCH)


def _sums(values: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Return the sums over all windows that lie in `values`."""
    total = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    rows: NDArray[np.float64] = total[height:] - total[:-height]
    return rows[:, width:] - rows[:, :-width]


def _least_eigenvalue(patches: NDArray[np.float64]) -> float:
    mean, count = patches.mean(0), len(patches)
    covariance = (patches.T @ patches - count * np.outer(mean, mean)) / max(count - 1, 1)
    return max(float(np.linalg.eigvalsh(covariance)[0]), 0.0)


@lru_cache(maxsize=1)
def _limit() -> float:
    """Return the texture below which noise of variance 1 stays with `CONFIDENCE`.

    Its sum of squared gradients is taken to follow a gamma distribution, by the trace and the rank of their operator.
    """
    from scipy.stats import gamma

    width = PATCH - 2
    slope = np.zeros((width, PATCH))
    for row in range(width):
        slope[row, row : row + 3] = _SLOPE
    along, down = np.kron(np.eye(PATCH), slope), np.kron(slope, np.eye(PATCH))
    operator = along.T @ along + down.T @ down
    rank = int(np.linalg.matrix_rank(operator))
    return float(gamma.ppf(CONFIDENCE, rank / 2, scale=2 * np.trace(operator) / rank))
