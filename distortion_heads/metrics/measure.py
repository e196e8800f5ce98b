"""Figures of one head on labelled images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads.head import HeadMetrics

ECE_BINS = 15


def measure(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.bool_],
    clean: NDArray[np.bool_],
    threshold: float,
    split: str,
) -> HeadMetrics:
    """AUROC, AP, F1 at `threshold`, expected calibration error and false-alarm rate on clean images; all (n,)."""
    from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

    fires = probabilities >= threshold
    both = 0 < labels.sum() < len(labels)
    return HeadMetrics(
        split=split,
        n=len(labels),
        auroc=_round(roc_auc_score(labels, probabilities)) if both else None,
        ap=_round(average_precision_score(labels, probabilities)) if both else None,
        f1=_round(f1_score(labels, fires, zero_division=0.0)),
        ece=_round(expected_calibration_error(probabilities, labels)),
        fpr_clean=_round(fires[clean].mean()) if clean.any() else None,
    )


def expected_calibration_error(probabilities: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    """Mean gap between confidence and frequency over 15 equal bins, weighted by their size (Naeini et al. 2015)."""
    bins = np.minimum((probabilities * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    count = np.bincount(bins, minlength=ECE_BINS)
    gap = np.bincount(bins, probabilities, ECE_BINS) - np.bincount(bins, labels.astype(np.float64), ECE_BINS)
    return float(np.abs(gap).sum() / max(count.sum(), 1))


def _round(value: float) -> float:
    return round(float(value), 5)
