"""Figures with intervals, against figures computed another way."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.bench.shared.intervals import estimate_text, micro_f1, ranked, ratio, share_of
from distortion_heads.metrics.scores import auroc


def test_a_share_lies_in_its_interval_and_counts_rows() -> None:
    picture = np.repeat(np.arange(10), 4)
    hits = picture < 7
    estimate = share_of(hits, picture)
    assert estimate is not None
    assert (estimate.value, estimate.n) == (pytest.approx(0.7), 40)
    assert 0.3 < estimate.low < 0.7 < estimate.high < 1.0


def test_rows_of_one_picture_are_drawn_together() -> None:
    hits = np.arange(400) % 2 == 0
    apart, together = share_of(hits, np.arange(400)), share_of(np.sort(hits), np.repeat([0, 1, 2, 3], 100))
    assert apart is not None
    assert together is not None
    assert together.high - together.low > 3 * (apart.high - apart.low)


def test_nothing_to_divide_by_is_no_figure() -> None:
    assert ratio([0.0, 0.0], [0.0, 0.0], np.array([0, 1])) is None
    assert share_of([], np.array([], np.int64)) is None
    assert ranked(np.array([0.1, 0.2]), np.array([True, True]), np.array([0, 1])) is None
    assert estimate_text(None) == "–"


def test_the_ranking_is_auroc_also_where_scores_tie() -> None:
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 6, 60) / 5, rng.random(60) < 0.4
    estimate = ranked(scores, positive, rng.integers(0, 8, 60))
    assert estimate is not None
    assert estimate.value == pytest.approx(auroc(scores[positive], scores[~positive]))
    assert estimate.low <= estimate.value <= estimate.high


def test_f1_over_all_cells() -> None:
    truth = np.array([[True, False], [True, True]])
    found = np.array([[True, True], [False, True]])
    estimate = micro_f1(truth, found, np.array([0, 1]))
    assert estimate is not None
    assert estimate.value == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
