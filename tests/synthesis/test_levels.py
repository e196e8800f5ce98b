from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distortion_heads.synthesis.levels import at_severity

LEVELS = (1.0, 2.0, 4.0, 6.0, 10.0)


@pytest.mark.parametrize("log", [False, True])
def test_whole_severities_give_the_published_values(log: bool) -> None:
    assert [at_severity(LEVELS, s, log=log) for s in range(1, 6)] == pytest.approx(LEVELS)


def test_between_levels_it_is_the_arithmetic_or_the_geometric_mean() -> None:
    assert at_severity(LEVELS, 2.5) == pytest.approx(3)
    assert at_severity(LEVELS, 2.5, log=True) == pytest.approx(8**0.5)


@given(a=st.floats(1, 5), b=st.floats(1, 5), log=st.booleans())
def test_monotone(a: float, b: float, log: bool) -> None:
    low, high = sorted((a, b))
    assert at_severity(LEVELS, low, log=log) <= at_severity(LEVELS, high, log=log) + 1e-12


def test_outside_it_is_clipped() -> None:
    assert at_severity(LEVELS, 0) == 1
    assert at_severity(LEVELS, 9) == 10
