"""Attacks on a scorer that is blind to one of two things."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.metrics.gmad import attack, ranked

BLUR, NOISE = (grid.ravel() for grid in np.meshgrid(np.arange(30.0), np.arange(30.0)))
TRUTH = ranked(-(BLUR + NOISE))
SEES_BLUR = ranked(-BLUR - NOISE / 1000)


def test_ranks_are_uniform() -> None:
    assert TRUTH.min() == pytest.approx(0, abs=1)
    assert TRUTH.max() == pytest.approx(100, abs=1)
    assert np.median(TRUTH) == pytest.approx(50, abs=2)


@pytest.mark.parametrize("level", [20.0, 80.0])
def test_who_sees_both_beats_who_sees_one(level: float) -> None:
    found = attack(TRUTH, SEES_BLUR, TRUTH, level=level)
    assert found is not None
    assert found.succeeds
    assert abs(SEES_BLUR[found.better] - SEES_BLUR[found.worse]) <= 2
    assert NOISE[found.better] < NOISE[found.worse]
    assert found.gain == found.claimed == pytest.approx(TRUTH[found.better] - TRUTH[found.worse])
    back = attack(SEES_BLUR, TRUTH, TRUTH, level=level)
    assert back is not None
    assert not back.succeeds, "to the judge, what the better scorer calls equal is equal"
    assert back.claimed > 20


def test_no_attack_among_too_few() -> None:
    assert attack([1, 2], [0, 90], [1, 2], level=20) is None
    assert attack([5, 5], [20, 20], [1, 2], level=20) is None
