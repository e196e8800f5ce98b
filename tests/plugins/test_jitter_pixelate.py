from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_plugins import jitter, pixelate

Image = NDArray[np.float32]


@pytest.fixture
def ramp() -> Image:
    """Rises by 1/400 a pixel to the right in red and downwards in green: displacements can be read from it."""
    y, x = np.mgrid[0:300, 0:300].astype(np.float32)
    return np.stack([x / 400, y / 400, np.zeros_like(x)], axis=-1)


def displacements(ramp: Image, severity: float, seed: int) -> NDArray[np.float64]:
    moved = jitter.synthesize(ramp, severity, np.random.default_rng(seed)).astype(np.float64)
    return (moved - ramp)[20:-20, 20:-20, :2] * 400


@pytest.mark.parametrize(("severity", "amount"), [(1, 0.05), (3, 0.2), (5, 1.0)])
def test_displacements_are_as_large_in_one_pass_as_in_five(ramp: Image, severity: float, amount: float) -> None:
    """More than one pass of the published deviation, less than five that add up unaveraged."""
    spread = jitter.parameters(severity)["spread"]
    assert amount < spread < amount * 5**0.5
    for seed in range(10):
        moves = displacements(ramp, severity, seed)
        assert moves.std(axis=(0, 1)) == pytest.approx([spread] * 2, rel=0.05)
        assert abs(moves.mean()) < 0.02 * spread


def test_neighbours_move_independently(ramp: Image) -> None:
    """Within a single pass. (Repeated passes share a little through the interpolation.)"""
    moves = displacements(ramp, 2, 1)[..., 0]
    assert abs(np.corrcoef(moves[:, :-1].ravel(), moves[:, 1:].ravel())[0, 1]) < 0.2


def test_jitter_leaves_flat_areas_and_frays_edges(flat: Image, rng: np.random.Generator) -> None:
    np.testing.assert_allclose(jitter.synthesize(flat, 5, rng), flat, atol=1e-6)
    edge = flat.copy()
    edge[:, 128:] = 1.0
    change = np.abs(jitter.synthesize(edge, 5, rng) - edge)
    assert change[:, 124:132].mean() > 0.05
    assert change[:, :100].max() < 1e-6


def test_some_jitter_moves_whole_pixels(ramp: Image) -> None:
    whole = [np.abs(m - np.rint(m)).max() < 1e-3 for m in (displacements(ramp, 5, seed) for seed in range(30))]
    assert 1 <= sum(whole) <= 12


@pytest.mark.parametrize("module", [jitter, pixelate], ids=lambda m: m.__name__.split(".")[-1])
def test_more_severe_changes_more(module: object, scene: Image) -> None:
    changes = [
        np.mean([np.mean((module.synthesize(scene, s, np.random.default_rng(k)) - scene) ** 2) for k in range(10)])  # type: ignore[attr-defined]
        for s in (1, 2, 3, 4, 5)
    ]
    assert changes[0] > 1e-5
    assert np.all(np.diff(changes) > 0)


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_pixelation_leaves_as_many_columns_as_the_scale_says(severity: float) -> None:
    noise = np.random.default_rng(0).random((150, 200, 3), dtype=np.float32)
    scale = 0.95 - (0.01, 0.05, 0.1, 0.2, 0.5)[int(severity) - 1] ** 0.6
    for seed in range(12):
        result = pixelate.synthesize(noise, severity, np.random.default_rng(seed))
        columns = 1 + np.count_nonzero(np.any(np.diff(result, axis=1) != 0, axis=(0, 2)))
        rows = 1 + np.count_nonzero(np.any(np.diff(result, axis=0) != 0, axis=(1, 2)))
        assert columns == pytest.approx(200 * scale, abs=1)
        assert rows == pytest.approx(150 * scale, abs=1)


def test_pixelation_takes_pixels_or_means() -> None:
    """Nearest neighbour brings no new value; averaging shrinks the variance of noise."""
    noise = np.random.default_rng(0).random((96, 96, 3), dtype=np.float32)
    results = [pixelate.synthesize(noise, 5, np.random.default_rng(seed)) for seed in range(20)]
    taken = [bool(np.isin(result, noise).all()) for result in results]
    assert 8 <= sum(taken) < 20
    assert all(result.var() < 0.3 * noise.var() for result, nearest in zip(results, taken, strict=True) if not nearest)


def test_pixelation_keeps_things_in_place() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 240, dtype=np.float32)[None, :, None], (60, 240, 3)).copy()
    for seed in range(20):
        result = pixelate.synthesize(ramp, 5, np.random.default_rng(seed))
        assert np.abs(result - ramp).max() < 4.5 / 239
