"""Thresholds of many heads, chosen together: what counts for a user is that no head fires on a clean picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from distortion_heads.spec import Threshold
from distortion_heads.training.calibration import choose_threshold

LIMITS = (0.02, 0.015, 0.01, 0.0075, 0.005, 0.0025, 0.001, 0.0)
"""Shares of the clean pictures on which one head may fire, tried from the loosest."""


def choose_together(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.bool_],
    clean: NDArray[np.bool_],
    max_any: float,
) -> tuple[Threshold, ...]:
    """One threshold per head, each with the best F1 under the loosest common limit on its false alarms.

    The limit is such that at most `max_any` of the clean pictures have any head fire. `probabilities` (heads, n),
    `labels` (heads, n), `clean` (n,).
    """
    chosen: tuple[Threshold, ...] = ()
    for limit in LIMITS:
        pairs = zip(probabilities, labels, strict=True)
        chosen = tuple(choose_threshold(p, present, clean, limit) for p, present in pairs)
        if any_alarm(probabilities[:, clean], chosen) <= max_any:
            break
    return chosen


def any_alarm(probabilities: NDArray[np.float64], thresholds: Sequence[Threshold]) -> float:
    """Share of the pictures on which at least one head fires; `probabilities` (heads, n)."""
    values = np.array([threshold.value for threshold in thresholds])
    return float((probabilities >= values[:, None]).any(0).mean()) if probabilities.size else 0.0
