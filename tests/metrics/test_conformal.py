"""Promised rates of false alarms, held against many draws of clean pictures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from distortion_heads.metrics.conformal import (
    NEVER,
    best_above,
    joint_thresholds,
    order_for,
    pictures_needed,
    threshold_for,
)

OWN = np.array([0.4, 0.5, 0.1])
RATE, CONFIDENCE, DRAWS = 0.05, 0.9, 200


def clean_scores(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Three heads that depend on each other, skewed, one with ties: probabilities (3, n)."""
    common = rng.standard_normal(n)
    logits = np.stack([common + rng.exponential(1.5, n) - 4, 0.5 * common + 3 * rng.standard_normal(n) - 2, common - 6])
    probabilities = 1 / (1 + np.exp(-logits))
    probabilities[2] = np.round(probabilities[2], 2)
    return np.asarray(probabilities)


@pytest.fixture(scope="module")
def new_pictures() -> NDArray[np.float64]:
    return clean_scores(np.random.default_rng(1), 40_000)


def test_the_rate_holds_in_as_many_draws_as_promised(new_pictures: NDArray[np.float64]) -> None:
    rates = []
    for seed in range(DRAWS):
        seen = clean_scores(np.random.default_rng((2, seed)), 200)
        thresholds = np.array([threshold_for(scores, RATE, CONFIDENCE) for scores in seen])
        rates.append((new_pictures >= thresholds[:, None]).mean(axis=1))
    kept = (np.array(rates) <= RATE).mean(axis=0)
    # 200 draws of a chance of 0.9 hold in 0.84 or more of them but once in a thousand times
    assert (kept >= 0.84).all()
    assert kept[:2].max() <= 0.97  # no more caution than was asked for, where no score is tied
    assert np.mean(rates, axis=0)[:2].min() > 0.4 * RATE


def test_the_rate_of_any_alarm_holds_in_as_many_draws_as_promised(new_pictures: NDArray[np.float64]) -> None:
    rates = []
    for seed in range(DRAWS):
        thresholds = joint_thresholds(clean_scores(np.random.default_rng((3, seed)), 300), OWN, RATE, CONFIDENCE)
        rates.append((new_pictures >= thresholds[:, None]).any(axis=0).mean())
    assert 0.84 <= (np.array(rates) <= RATE).mean() <= 0.97
    assert np.mean(rates) > 0.4 * RATE


def test_single_promises_do_not_hold_for_any_alarm(new_pictures: NDArray[np.float64]) -> None:
    seen = clean_scores(np.random.default_rng(4), 2000)
    single = np.array([threshold_for(scores, RATE, CONFIDENCE) for scores in seen])
    assert (new_pictures >= single[:, None]).any(axis=0).mean() > 1.5 * RATE


def test_as_few_pictures_as_needed_are_enough_and_no_fewer() -> None:
    assert pictures_needed(0.01, 0.9) == 230
    needed = pictures_needed(RATE, CONFIDENCE)
    assert order_for(needed, RATE, CONFIDENCE) == needed
    assert order_for(needed - 1, RATE, CONFIDENCE) == 0
    with pytest.raises(ValueError, match="too few"):
        threshold_for(np.zeros(needed - 1), RATE, CONFIDENCE)


def test_as_few_pictures_as_needed_together_are_enough() -> None:
    for rate in (0.01, 0.03, 0.05, 0.2):
        needed = pictures_needed(rate, CONFIDENCE, together=True)
        joint_thresholds(clean_scores(np.random.default_rng(0), needed), OWN, rate, CONFIDENCE)
        with pytest.raises(ValueError, match="too few"):
            joint_thresholds(clean_scores(np.random.default_rng(0), needed - 3), OWN, rate, CONFIDENCE)


def test_tied_scores_raise_no_alarm() -> None:
    assert (np.full(100, 0.3) < threshold_for(np.full(100, 0.3), RATE, CONFIDENCE)).all()
    assert threshold_for(np.ones(100), RATE, CONFIDENCE) == NEVER
    assert (joint_thresholds(np.ones((2, 100)), OWN[:2], RATE, CONFIDENCE) > 1).all()


def test_labelled_faults_only_raise_a_threshold() -> None:
    clean, faulty = np.array([0.1, 0.2, 0.4, 0.5]), np.array([0.45, 0.7, 0.8, 0.9])
    assert best_above(0.3, faulty, clean) == 0.45
    assert best_above(0.6, faulty, clean) == 0.6
    assert best_above(0.95, faulty, clean) == 0.95
