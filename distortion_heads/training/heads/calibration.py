"""Logits -> probabilities that mean what they say, and the threshold that goes with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads.bank import sigmoid
from distortion_heads.heads.head import Calibration, Threshold
from distortion_heads.training.features.examples import Examples

MIN_FOR_PLATT = 30
"""Held-out images of each class from which an offset is fitted too."""


def image_probabilities(
    logits: NDArray[np.float64], starts: NDArray[np.int64], scale: float, offset: float
) -> NDArray[np.float64]:
    """Mean over each image's windows of the calibrated probability; `logits` (W,), `starts` (n + 1,) -> (n,)."""
    sums: NDArray[np.float64] = np.add.reduceat(sigmoid(scale * logits + offset), starts[:-1])
    return sums / np.diff(starts)


def calibrate(logits: NDArray[np.float64], hold: Examples) -> Calibration:
    """Minimise the cross-entropy of the *image* probabilities on held-out images.

    Platt (1999) with scale and offset, towards his smoothed targets; temperature scaling (Guo et al. 2017), scale only,
    where either class has fewer than 30 images. `logits` (W,) are the windows' presence logits.
    """
    from scipy.optimize import minimize

    positive, negative = int(hold.labels.sum()), int((~hold.labels).sum())
    target = np.where(hold.labels, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(parameters: NDArray[np.float64]) -> float:
        offset = float(parameters[1]) if len(parameters) > 1 else 0.0
        p = image_probabilities(logits, hold.starts, float(np.exp(parameters[0])), offset)
        p = np.clip(p, 1e-7, 1 - 1e-7)
        return float(-np.mean(target * np.log(p) + (1 - target) * np.log1p(-p)))

    platt = min(positive, negative) >= MIN_FOR_PLATT
    start = np.zeros(2 if platt else 1)
    bounds = [(np.log(0.05), np.log(20.0)), (-12.0, 12.0)][: len(start)]
    found = minimize(loss, start, method="Nelder-Mead", bounds=bounds, options={"xatol": 1e-3, "fatol": 1e-6}).x
    scale = round(float(np.exp(found[0])), 6)
    if platt:
        return Calibration(method="platt", params={"scale": scale, "offset": round(float(found[1]), 6)})
    return Calibration(method="temperature", params={"scale": scale})


def choose_threshold(
    probabilities: NDArray[np.float64], labels: NDArray[np.bool_], clean: NDArray[np.bool_], max_fpr_clean: float | None
) -> Threshold:
    """The threshold with the highest F1, in the middle of its plateau, among those that spare the clean images.

    With `max_fpr_clean`, only thresholds at which at most that share of the clean images fires are considered.
    """
    grid = np.round(np.linspace(0.02, 0.98, 193), 3)
    fires = probabilities[None, :] >= grid[:, None]
    true = (fires & labels).sum(1)
    f1 = 2 * true / np.maximum(fires.sum(1) + labels.sum(), 1)
    objective = "f1"
    if max_fpr_clean is not None and clean.any():
        objective = f"f1 with false alarms on clean <= {max_fpr_clean:g}"
        allowed = (fires & clean).sum(1) / clean.sum() <= max_fpr_clean
        if not allowed.any():
            return Threshold(value=float(grid[-1]), objective=objective)
        f1 = np.where(allowed, f1, -1.0)
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    plateau = np.split(best, np.flatnonzero(np.diff(best) > 1) + 1)
    longest = max(plateau, key=len)
    return Threshold(value=float(grid[longest[len(longest) // 2]]), objective=objective)
