"""D-, L- and P-test on toy scores: a perfect scorer, a constant one, and ones that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.metrics.quality_tests import d_test, discriminable_pairs, l_test, p_test


def test_d_test() -> None:
    assert d_test([5, 6], [1, 2, 3]).share == 1
    assert 3 < d_test([5, 6], [1, 2, 3]).threshold < 5
    assert d_test([2, 2], [2, 2, 2]).share == 0.5
    assert d_test([1], [5]).share == 0.5, "never below a half"
    found = d_test([3, 5, 5, 5], [1, 1, 4, 4, 1, 1])
    assert found.share == pytest.approx((3 / 4 + 1) / 2)
    assert found.threshold == 4.5
    assert d_test([3, 5, 5, 5] * 50, [1, 1, 4, 4, 1, 1]) == found, "counts of the classes do not matter"
    with pytest.raises(ValueError, match="pristine and distorted"):
        d_test([], [1])


def test_l_test() -> None:
    found = l_test([[5, 4, 3, 2, 1], [1, 2, 3, 4, 5], [2, 2, 2, 2, 2], [5, 4, 3, 1, 2]])
    assert found.tolist() == pytest.approx([1, -1, 0, 0.9])


def test_pairs_are_those_that_every_judge_parts() -> None:
    judges = [[90, 40, 10, 60], [80, 35, 30, 90]]
    pairs = discriminable_pairs(judges, 40, pairs=2000)
    assert pairs.tolist() == [[0, 1], [0, 2], [3, 2]]
    assert discriminable_pairs(judges, 99, pairs=2000).shape == (0, 2)


def test_p_test() -> None:
    pairs = np.array([[0, 1], [0, 2], [3, 2]])
    assert p_test([9, 1, 0, 8], pairs) == 1
    assert p_test([1, 1, 0, 0], pairs) == pytest.approx(1 / 3), "equal scores are wrong"
    assert p_test([1, 2, 3, 1], np.empty((0, 2), np.int64)) is None
