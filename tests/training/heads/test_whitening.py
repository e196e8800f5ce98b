"""Partial whitening, on features whose covariance is known."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.heads.head import Layer
from distortion_heads.training.features.examples import Examples
from distortion_heads.training.heads.whitening import BLOCK, EXPONENT, Whitening

DIM = 12


def correlated(n: int, gap: float = 0.0, dtype: type = np.float32) -> Examples:
    """One window per image, standard deviations from 0.1 to 3 along random axes; positives are shifted by `gap`."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.standard_normal((DIM, DIM)))[0]
    present = np.arange(n) % 2 == 0
    x = rng.standard_normal((n, DIM)) * np.geomspace(0.1, 3, DIM) @ axes.T + 5 + gap * present[:, None]
    return Examples.pack(list(x[:, None].astype(dtype)), present)


def test_the_spreads_come_nearer_to_each_other() -> None:
    examples = correlated(BLOCK + 500)
    white = Whitening.of(examples).apply(examples.windows)
    spread = np.sqrt(np.linalg.eigvalsh(np.cov(white.T)))
    np.testing.assert_allclose(spread, np.geomspace(0.1, 3, DIM) ** (1 - 2 * EXPONENT), rtol=0.15)
    np.testing.assert_allclose(white.mean(0), 0, atol=1e-3)


def test_what_parts_the_classes_is_not_taken_for_spread() -> None:
    same, parted = (Whitening.of(correlated(4000, gap)).matrix for gap in (0.0, 50.0))
    np.testing.assert_allclose(parted, same, atol=0.02 * np.abs(same).max())


def test_a_layer_on_white_features_becomes_one_on_the_features() -> None:
    examples = correlated(300)
    whitening = Whitening.of(examples)
    rng = np.random.default_rng(1)
    layer = Layer(
        weight=rng.standard_normal((4, DIM), np.float32), bias=rng.standard_normal(4, np.float32), activation="relu"
    )
    on_white = whitening.apply(examples.windows) @ layer.weight.T + layer.bias
    absorbed = whitening.absorbed(layer)
    np.testing.assert_allclose(examples.windows @ absorbed.weight.T + absorbed.bias, on_white, atol=1e-3)


@pytest.mark.parametrize("n", [2, 6])
def test_fewer_pictures_than_features_and_features_that_never_change(n: int) -> None:
    examples = correlated(n)
    examples.windows[:, :3] = 0
    whitening = Whitening.of(examples)
    assert np.isfinite(whitening.matrix).all()
    assert np.abs(whitening.matrix).max() < 100
    constant = Examples.pack([np.ones((1, DIM), np.float32)] * 4, [True, False, True, False])
    assert np.isfinite(Whitening.of(constant).apply(constant.windows)).all()


def test_half_precision_is_not_rounded_once_more() -> None:
    examples = correlated(50, dtype=np.float16)
    whitening = Whitening.of(examples)
    white = whitening.apply(examples.windows)
    assert white.dtype == np.float32
    assert np.array_equal(white, whitening.apply(examples.windows.astype(np.float32)))
