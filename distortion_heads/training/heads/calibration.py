"""Calibrate logits, so that probabilities are the frequencies that they promise."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads.bank import sigmoid
from distortion_heads.heads.head import Calibration, Pooling
from distortion_heads.training.features.examples import Examples

MIN_FOR_PLATT = 30
"""Held-out images of each class from which an offset is fitted too."""


def image_probabilities(
    logits: NDArray[np.float64],
    starts: NDArray[np.int64],
    scale: float,
    offset: float,
    pooling: Pooling | None = None,
) -> NDArray[np.float64]:
    """Return each image's probability, (n,), for `logits` (W,), `starts` (n + 1,).

    It is the mean of its windows' calibrated probabilities, or the quantile that `pooling` names.
    """
    windows = sigmoid(scale * logits + offset)
    if pooling is not None:
        return np.array([np.quantile(windows[a:b], pooling.quantile) for a, b in pairwise(starts)])
    sums: NDArray[np.float64] = np.add.reduceat(windows, starts[:-1])
    return sums / np.diff(starts)


def calibrate(logits: NDArray[np.float64], hold: Examples, pooling: Pooling | None = None) -> Calibration:
    """Return the calibration that minimises the cross-entropy of the *image* probabilities on held-out images.

    Scale and offset as of Platt (1999), towards his smoothed targets; temperature scaling (Guo et al. 2017), scale
    only, where either class has fewer than 30 images. `logits` (W,) are the windows' presence logits.
    """
    from scipy.optimize import minimize

    positive, negative = int(hold.labels.sum()), int((~hold.labels).sum())
    target = np.where(hold.labels, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(parameters: NDArray[np.float64]) -> float:
        offset = float(parameters[1]) if len(parameters) > 1 else 0.0
        p = image_probabilities(logits, hold.starts, float(np.exp(parameters[0])), offset, pooling)
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
