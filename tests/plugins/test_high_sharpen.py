from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_plugins.high_sharpen import parameters, synthesize, unsharp


def edge(low: float = 0.45, high: float = 0.55) -> NDArray[np.float32]:
    image = np.full((64, 64, 3), low, np.float32)
    image[:, 32:] = high
    return image


def test_amounts_are_kadids() -> None:
    assert [parameters(s)["amount"] for s in (1, 2, 3, 4, 5)] == pytest.approx([1, 2, 3, 6, 12])


def test_frequency_response_is_one_plus_amount_times_what_the_gaussian_removes() -> None:
    x = np.arange(240, dtype=np.float32)
    for period in (6, 12, 40):
        omega = 2 * np.pi / period
        wave = np.repeat(np.sin(omega * x)[None], 64, axis=0).astype(np.float32)
        made = unsharp(wave, 2.0, 1.5, 4.0)
        gain = float(np.abs(np.fft.rfft(made[32])[240 // period]) / np.abs(np.fft.rfft(wave[32])[240 // period]))
        assert gain == pytest.approx(1 + 2 * (1 - np.exp(-(omega**2) * 1.5**2 / 2)), rel=0.03)


def test_edges_get_halos_and_even_places_stay() -> None:
    for seed in range(20):
        made = synthesize(edge(), 2, np.random.default_rng(seed))
        assert made[32, 31].mean() < 0.45 - 0.02
        assert made[32, 32].mean() > 0.55 + 0.02
        np.testing.assert_allclose(made[:, :16], 0.45, atol=2e-3)


def test_half_sharpen_as_widely_as_kadid() -> None:
    """A Gaussian of 3 pixels, cut at two deviations, changes 6 pixels on each side of an edge; the others do not."""
    widths = []
    for seed in range(60):
        made = synthesize(edge(0.3, 0.6), 4, np.random.default_rng(seed))
        widths.append(int((np.abs(made[32, 32:] - 0.6).max(axis=1) > 5e-3).sum()))
    assert 0.3 < np.mean([width == 6 for width in widths]) < 0.8
    assert min(widths) <= 3


def test_change_grows_with_severity(scene: NDArray[np.float32]) -> None:
    for seed in range(8):
        changes = [
            float(np.mean((synthesize(scene, s, np.random.default_rng(seed)) - scene) ** 2))
            for s in (1, 1.5, 2, 3, 4, 5)
        ]
        assert changes == sorted(changes)
