"""The project's AUROC, average precision and F1; None where there is nothing to measure.

A report takes tens of thousands of them, for which scikit-learn, as it checks its input, needs minutes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def auroc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float | None:
    """Return the chance that a positive scores above a negative; ties count half (Hanley and McNeil 1982)."""
    if not (len(positive) and len(negative)):
        return None
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    return float(below.sum() / (2 * len(positive) * len(negative)))


def average_precision(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float | None:
    """Return the area under the precision-recall curve, as steps; it depends on how many of each there are."""
    if not (len(positive) and len(negative)):
        return None
    scores = np.concatenate([positive, negative])
    order = np.argsort(-scores)
    last_of_equals = np.append(np.diff(scores[order]) != 0, True)
    found = np.cumsum(order < len(positive))[last_of_equals]
    precision = found / (np.flatnonzero(last_of_equals) + 1)
    return float((np.diff(found, prepend=0) * precision).sum() / len(positive))


def f1_score(found: int, missed: int, alarms: int) -> float | None:
    """Return the harmonic mean of precision and recall; None if there was nothing to find and nothing was found."""
    total = 2 * found + missed + alarms
    return 2 * found / total if total else None


def precision_recall_f1(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return precision, recall and F1 of two bool arrays of one shape, 0 where nothing was found or is there."""
    hits = int((truth & found).sum())
    missed, alarms = int(truth.sum()) - hits, int(found.sum()) - hits
    return hits / max(hits + alarms, 1), hits / max(hits + missed, 1), f1_score(hits, missed, alarms) or 0.0


def mean_of(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that were measured; None if none was."""
    measured = [value for value in values if value is not None]
    return float(np.mean(measured)) if measured else None


def share(hits: ArrayLike) -> float | None:
    """Return the share of `hits` that are true."""
    array = np.asarray(hits)
    return float(array.mean()) if array.size else None
