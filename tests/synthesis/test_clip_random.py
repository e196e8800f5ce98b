from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from distortion_heads.synthesis.clip_random import FrameGenerator

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "binomial": (50, 0.4),
    "bytes": (8,),
    "chisquare": (3.0,),
    "choice": (1000,),
    "dirichlet": ([1.0, 2.0, 3.0],),
    "f": (3.0, 4.0),
    "gamma": (2.0,),
    "geometric": (0.01,),
    "hypergeometric": (500, 500, 300),
    "integers": (10**6,),
    "logseries": (0.99,),
    "multinomial": (1000, [0.2, 0.3, 0.5]),
    "multivariate_hypergeometric": ([300, 300, 400], 500),
    "multivariate_normal": ([0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]]),
    "negative_binomial": (50, 0.1),
    "noncentral_chisquare": (3.0, 1.0),
    "noncentral_f": (3.0, 4.0, 1.0),
    "pareto": (3.0,),
    "permutation": (60,),
    "poisson": (1e5,),
    "power": (2.0,),
    "standard_gamma": (2.0,),
    "standard_t": (3.0,),
    "triangular": (0.0, 0.4, 1.0),
    "vonmises": (0.0, 1.0),
    "wald": (1.0, 2.0),
    "weibull": (2.0,),
    "zipf": (1.01,),
    "beta": (2.0, 3.0),
}
"""Those that must be given; `size` is added for arrays."""

NO_SIZE = {"bytes", "permutation", "dirichlet", "multinomial", "multivariate_hypergeometric", "multivariate_normal"}
IN_PLACE = {"shuffle", "permuted"}
DRAWS = sorted(
    name
    for name in dir(np.random.Generator)
    if not name.startswith("_") and callable(getattr(np.random.Generator, name)) and name not in {"spawn", *IN_PLACE}
)


def frames(count: int = 2) -> list[FrameGenerator]:
    """Generators of successive frames of one clip."""
    return [FrameGenerator(np.random.default_rng(1), np.random.default_rng((2, i))) for i in range(count)]


@pytest.mark.parametrize("name", DRAWS)
def test_arrays_are_the_frames_own(name: str) -> None:
    size = {} if name in NO_SIZE else {"size": 40}
    first, second = (getattr(frame, name)(*ARGUMENTS.get(name, ()), **size) for frame in frames())
    assert type(first) is type(second)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("name", [name for name in DRAWS if name not in NO_SIZE])
def test_numbers_are_the_clips(name: str) -> None:
    first, second = (getattr(frame, name)(*ARGUMENTS.get(name, ())) for frame in frames())
    assert first == second


@pytest.mark.parametrize("name", sorted(IN_PLACE))
def test_an_order_is_the_frames_own(name: str) -> None:
    orders = [np.arange(60) for _ in range(2)]
    found = [getattr(frame, name)(order) for frame, order in zip(frames(), orders, strict=True)]
    first, second = orders if found[0] is None else found
    assert not np.array_equal(first, second)
    assert sorted(first) == list(range(60))
