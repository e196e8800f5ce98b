"""Heads of families that go on from earlier ones."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.errors import DataError
from distortion_heads.spec import BackboneRef, View, width_of
from distortion_heads.training.heads.family_head import MORE, widened
from helpers.sample_heads import FINGERPRINT, make_head

DIM = 12
TINY = BackboneRef(name="tiny", fingerprint=FINGERPRINT, dim=DIM)


@pytest.mark.parametrize(("view", "begins"), [("native", 0), ("light", DIM)])
def test_what_a_head_says_is_kept_in_a_wider_view(view: View, begins: int) -> None:
    head = make_head(view=view, dim=width_of(view, DIM), hidden=(5,), backbone=TINY)
    first, last = widened(head, "full", seed=0)
    assert first.weight.shape == (5 + MORE, width_of("full", DIM))
    assert last.weight.shape == (2, 5 + MORE)
    seen = np.random.default_rng(1).standard_normal((3, width_of("full", DIM))).astype(np.float32)
    own = seen[:, begins : begins + width_of(view, DIM)]
    inner = np.asarray(head.layers[0].weight, np.float32)
    np.testing.assert_allclose(seen @ first.weight[:5].T, own @ inner.T, atol=1e-4)
    assert np.array_equal(last.weight[:, :5], head.layers[1].weight)
    assert np.array_equal(last.bias, head.layers[1].bias)


def test_a_head_goes_on_as_it_is_in_its_own_view() -> None:
    head = make_head(view="full", dim=width_of("full", DIM), hidden=(5,), backbone=TINY)
    assert widened(head, "full", seed=0) == head.layers


@pytest.mark.parametrize(("view", "hidden"), [("overview", (5,)), ("native", ()), ("native", (5, 4))])
def test_what_cannot_be_kept_is_said(view: View, hidden: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="none to go on from"):
        widened(make_head(view=view, dim=DIM, hidden=hidden), "full", seed=0)
