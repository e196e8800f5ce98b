"""Choose the threshold of one head, or those of many so that few clean pictures have any alarm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads.head import Threshold

GRID = np.round(np.linspace(0.02, 0.98, 193), 3)
PRICES = np.concatenate([[0.0], np.geomspace(0.5, 1000.0, 60)])
"""Prices in F1 of a false alarm on every clean picture, tried from the cheapest."""


def choose_threshold(
    probabilities: NDArray[np.float64], labels: NDArray[np.bool_], clean: NDArray[np.bool_], max_fpr_clean: float | None
) -> Threshold:
    """Return the threshold with the highest F1, in the middle of its plateau; arrays (n,).

    With `max_fpr_clean`, at most that share of the clean images may fire.
    """
    f1, alarms = _curves(probabilities, labels, clean)
    objective = "f1"
    if max_fpr_clean is not None and clean.any():
        objective = f"f1 with false alarms on clean <= {max_fpr_clean:g}"
        allowed = alarms <= max_fpr_clean
        if not allowed.any():
            return Threshold(value=float(GRID[-1]), objective=objective)
        f1 = np.where(allowed, f1, -1.0)
    return Threshold(value=float(GRID[_middle_of_best(f1)]), objective=objective)


def choose_together(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.bool_],
    clean: NDArray[np.bool_],
    max_any: float,
) -> tuple[Threshold, ...]:
    """Return one threshold per head: the highest sum of F1 at which at most `max_any` of the clean pictures fire any.

    Every head pays the same price for a false alarm on a clean picture (a Lagrange multiplier). What that leaves of
    `max_any` goes to whichever head gains most by it, one after the other. `probabilities` and `labels` (heads, n),
    `clean` (n,).
    """
    curves = [_curves(p, present, clean) for p, present in zip(probabilities, labels, strict=True)]
    values = np.full(len(curves), GRID[-1])
    for price in PRICES:
        values = np.array([GRID[_middle_of_best(f1 - price * alarms)] for f1, alarms in curves])
        if (probabilities[:, clean] >= values[:, None]).any(0).mean() <= max_any:
            break
    values = _use_up(values, np.stack([f1 for f1, _ in curves]), probabilities[:, clean], max_any)
    objective = f"f1 of all heads with false alarms of any on clean <= {max_any:g}"
    return tuple(Threshold(value=float(value), objective=objective) for value in values)


def _use_up(
    values: NDArray[np.float64], f1: NDArray[np.float64], on_clean: NDArray[np.float64], max_any: float
) -> NDArray[np.float64]:
    """Change one threshold at a time, the one that adds most to the sum of F1, while at most `max_any` fire."""
    places, alarms = np.searchsorted(GRID, values), on_clean[:, None, :] >= GRID[None, :, None]
    while True:
        fires = alarms[np.arange(len(places)), places]
        others = fires.sum(0)[None] - fires > 0
        allowed = (alarms | others[:, None]).mean(2) <= max_any
        gains = np.where(allowed, f1 - f1[np.arange(len(places)), places][:, None], 0.0)
        head, place = np.unravel_index(gains.argmax(), gains.shape)
        if gains[head, place] <= 0:
            return GRID[places]
        places[head] = place


def _curves(
    probabilities: NDArray[np.float64], labels: NDArray[np.bool_], clean: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return F1, and the share of clean pictures that fire, at every threshold of the grid."""
    fires = probabilities[None, :] >= GRID[:, None]
    f1 = 2 * (fires & labels).sum(1) / np.maximum(fires.sum(1) + labels.sum(), 1)
    return f1, (fires & clean).sum(1) / max(int(clean.sum()), 1)


def _middle_of_best(gain: NDArray[np.float64]) -> int:
    best = np.flatnonzero(gain >= gain.max() - 1e-12)
    runs = np.split(best, np.flatnonzero(np.diff(best) > 1) + 1)
    longest = max(runs, key=len)
    return int(longest[len(longest) // 2])
