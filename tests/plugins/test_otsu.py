from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_plugins._otsu import otsu_thresholds


def within_variance(counts: NDArray[np.int64], thresholds: NDArray[np.int64]) -> float:
    edges = [0, *thresholds.tolist(), len(counts)]
    total = 0.0
    for start, end in pairwise(edges):
        values = np.repeat(np.arange(start, end), counts[start:end])
        total += ((values - values.mean()) ** 2).sum() if len(values) else 0.0
    return total


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_no_other_thresholds_are_better(classes: int) -> None:
    counts = np.random.default_rng(classes).integers(0, 40, 18)
    every = combinations(range(1, 18), classes - 1)
    best = min(within_variance(counts, np.array(candidate)) for candidate in every)
    assert within_variance(counts, otsu_thresholds(counts, classes)) == pytest.approx(best, rel=1e-4)


def test_separated_clusters_are_found() -> None:
    counts = np.zeros(256, np.int64)
    for centre in (20, 90, 140, 230):
        counts[centre - 5 : centre + 6] = 100
    thresholds = otsu_thresholds(counts, 4)
    assert [np.digitize(v, thresholds) for v in (15, 25, 85, 95, 135, 145, 225, 235)] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_more_classes_than_values() -> None:
    counts = np.zeros(256, np.int64)
    counts[[7, 200]] = 5, 9
    thresholds = otsu_thresholds(counts, 8)
    assert (np.diff(thresholds) >= 0).all()
    assert np.digitize(7, thresholds) != np.digitize(200, thresholds)
