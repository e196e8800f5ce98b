from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_plugins.gaussian_blur import parameters, synthesize


@pytest.mark.parametrize("severity", [3, 4, 5])
def test_point_spread_has_the_published_deviation(
    impulse: NDArray[np.float32], rng: np.random.Generator, severity: float
) -> None:
    spread = synthesize(impulse, severity, rng)[..., 1].astype(np.float64)
    x = np.arange(129) - 64
    assert spread.sum() == pytest.approx(1, abs=1e-3)
    assert np.sqrt((spread.sum(0) * x**2).sum()) == pytest.approx({3: 1, 4: 2, 5: 5}[int(severity)], rel=0.05)
    np.testing.assert_allclose(spread, spread.T, atol=1e-7)


def test_parameters_are_kadids_but_for_the_identity() -> None:
    assert [parameters(s)["sigma"] for s in (2, 3, 4, 5)] == pytest.approx([0.5, 1, 2, 5])
    assert parameters(1)["sigma"] == pytest.approx(0.35)
