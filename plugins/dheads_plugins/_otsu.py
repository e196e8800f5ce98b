"""Multi-level thresholds of a histogram (Otsu 1979; dynamic programming as in Liao, Chen, Chung 2001)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage


def otsu_thresholds(counts: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Split bins into `classes` runs with the least variance within; return the first bin of all runs but the first.

    `counts` is (bins,), not all zero; the result (classes - 1,) is sorted. Where fewer bins than classes are filled,
    some runs are empty. Time is O(classes * bins^2), vectorised.
    """
    gain = _between_class_variance(counts)
    best = gain[:, 0]
    starts = []
    for _ in range(classes - 1):
        candidates = best + gain
        start = candidates.argmax(1)
        best = candidates[np.arange(len(start)), start]
        starts.append(start)
    thresholds = np.empty(classes - 1, np.int64)
    end = len(counts)
    for k in range(classes - 2, -1, -1):
        end = thresholds[k] = starts[k][end]
    return thresholds


def _between_class_variance(counts: NDArray[np.int64]) -> FloatImage:
    """(bins + 1, bins + 1): [end, start] = (sum of values)^2 / count over bins start..end-1; -inf where start > end."""
    bins = len(counts)
    weights = counts / counts.sum()
    # Values about the mean keep the sums small, which float32 needs.
    values = (np.arange(bins) - (weights * np.arange(bins)).sum()) / bins
    mass = np.concatenate(([0.0], np.cumsum(weights)))
    moment = np.concatenate(([0.0], np.cumsum(weights * values)))
    mass_between = mass[:, None] - mass[None, :]
    gain = (moment[:, None] - moment[None, :]) ** 2 / np.maximum(mass_between, 1e-12)
    gain[np.triu_indices(bins + 1, 1)] = -np.inf
    compact: FloatImage = gain.astype(np.float32)
    return compact
