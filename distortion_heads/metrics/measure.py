"""Figures of one head on labelled images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads.head import HeadMetrics
from distortion_heads.metrics.scores import auroc, average_precision, precision_recall_f1, share

ECE_BINS = 15


def measure(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.bool_],
    clean: NDArray[np.bool_],
    threshold: float,
    split: str,
) -> HeadMetrics:
    """Return AUROC, AP, F1 at `threshold`, calibration error and false-alarm rate on clean images, to 5 digits.

    `probabilities`, `labels` and `clean` are (n,); `split` names the images.
    """
    fires = probabilities >= threshold
    positive, negative = probabilities[labels], probabilities[~labels]
    return HeadMetrics(
        split=split,
        n=len(labels),
        auroc=_round(auroc(positive, negative)),
        ap=_round(average_precision(positive, negative)),
        f1=_round(precision_recall_f1(labels, fires)[2]),
        ece=_round(expected_calibration_error(probabilities, labels)),
        fpr_clean=_round(share(fires[clean])),
    )


def expected_calibration_error(probabilities: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    """Return the mean gap of confidence and frequency over 15 equal bins, weighted by size (Naeini et al. 2015)."""
    bins = np.minimum((probabilities * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    count = np.bincount(bins, minlength=ECE_BINS)
    gap = np.bincount(bins, probabilities, ECE_BINS) - np.bincount(bins, labels.astype(np.float64), ECE_BINS)
    return float(np.abs(gap).sum() / max(count.sum(), 1))


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
