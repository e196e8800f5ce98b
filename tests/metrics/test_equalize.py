"""Scores to the share that is worse."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.metrics.equalize import fit_equalizer


@pytest.mark.parametrize("higher_better", [True, False])
def test_scores_become_uniform(higher_better: bool) -> None:
    scores = np.random.default_rng(0).gamma(0.5, size=4000)
    shares = fit_equalizer(scores, higher_better=higher_better)(scores)
    assert np.abs(np.histogram(shares, 10, (0, 1))[0] - 400).max() < 5
    assert [shares[scores.argmin()], shares[scores.argmax()]] == ([0, 1] if higher_better else [1, 0])


def test_between_and_beyond_what_was_seen() -> None:
    equalizer = fit_equalizer([0.0, 1.0, 3.0], higher_better=True)
    assert equalizer([-9, 0, 0.5, 2, 3, 9]).tolist() == [0, 0, 0.25, 0.75, 1, 1]


def test_equal_scores_get_the_middle_of_their_shares() -> None:
    equalizer = fit_equalizer([5.0, 5.0, 5.0, 7.0, 9.0], higher_better=True)
    assert equalizer([5, 7, 9]).tolist() == [0.25, 0.75, 1]
    assert fit_equalizer([2.0] * 9, higher_better=True)([2, 3]).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("scores", [[], [1.0, np.nan]])
def test_nothing_to_fit(scores: list[float]) -> None:
    with pytest.raises(ValueError, match="all of them finite"):
        fit_equalizer(scores, higher_better=True)
