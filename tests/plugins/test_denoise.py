from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_plugins import _denoisers, denoise

Image = NDArray[np.float32]
METHODS = [method for method, _ in denoise.METHODS]


def roughness(image: NDArray[np.floating[Any]]) -> float:
    """Deviation of the difference between neighbours."""
    return float(np.diff(image, axis=1).std())


@pytest.fixture
def step() -> Image:
    """A vertical edge between 0.3 and 0.7, as planes (3, 96, 120)."""
    planes = np.full((3, 96, 120), 0.3, np.float32)
    planes[..., 60:] = 0.7
    return planes


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("sigma", [0.1, 0.22])
def test_every_method_takes_most_of_the_noise_and_keeps_the_edge(
    method: Callable[[Image, float, np.random.Generator], Image], sigma: float, step: Image
) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        noisy = step + np.float32(sigma) * rng.standard_normal(step.shape, dtype=np.float32)
        before = noisy.copy()
        clean = method(noisy, sigma, rng)
        np.testing.assert_array_equal(noisy, before)
        assert clean.shape == step.shape
        assert clean.dtype == np.float32
        assert np.mean((clean - step) ** 2) < 0.4 * sigma**2
        assert clean.mean() == pytest.approx(0.5, abs=0.02)
        assert clean[..., 68:].mean() - clean[..., :52].mean() == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.__name__)
def test_a_flat_picture_stays_flat(
    method: Callable[[Image, float, np.random.Generator], Image], rng: np.random.Generator
) -> None:
    flat = np.full((3, 33, 47), 0.4, np.float32)
    np.testing.assert_allclose(method(flat, 0.2, rng), flat, atol=1e-5)


def test_the_wavelet_levels_have_the_stated_deviations(rng: np.random.Generator) -> None:
    coarse = rng.standard_normal((1, 512, 512), dtype=np.float32)
    for level, deviation in enumerate(_denoisers.ATROUS_DEVIATIONS):
        smooth = _denoisers._smooth(coarse, 1 << level)
        assert (coarse - smooth).std() == pytest.approx(deviation, rel=0.03)
        coarse = smooth


def test_opponent_colours_keep_noise_white() -> None:
    np.testing.assert_allclose(denoise.OPPONENT @ denoise.OPPONENT.T, np.eye(3), atol=1e-6)


def test_denoised_is_smoother_than_noisy_and_blotches_remain(flat: Image) -> None:
    """What stays is coarser than the noise that was added: neighbours are correlated."""
    for seed in range(8):
        left = denoise.synthesize(flat, 2, np.random.default_rng(seed)).astype(np.float64) - flat
        assert 0.002 < left.std() < 0.6 * 0.03**0.5
        assert roughness(left) < 0.95 * 2**0.5 * left.std()


def test_texture_is_lost(scene: Image) -> None:
    texture = scene[60:90, 5:55]
    for seed in range(6):
        clean = denoise.synthesize(scene, 3, np.random.default_rng(seed))
        lost = np.corrcoef(np.diff(texture, axis=1).ravel(), np.diff(clean[60:90, 5:55], axis=1).ravel())[0, 1]
        assert lost < 0.6
