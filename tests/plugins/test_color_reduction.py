"""Colour quantisation, dithering, and quantisation without dither."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_plugins import color_dithering, color_quantization, quantization

Image = NDArray[np.float32]
SEEDS = range(12)


def colors(image: Image) -> int:
    return len(np.unique(np.round(image.reshape(-1, 3) * 255), axis=0))


def local_mean(image: Image) -> Image:
    """Means of 16x16 cells."""
    height, width = image.shape[0] // 16, image.shape[1] // 16
    mean: Image = image[: height * 16, : width * 16].reshape(height, 16, width, 16, 3).mean((1, 3))
    return mean


@pytest.mark.parametrize(("severity", "size"), [(1, 64), (2, 48), (3, 32), (4, 16), (5, 8)])
def test_palette_has_the_published_size(scene: Image, severity: float, size: int) -> None:
    counts = [colors(color_quantization.synthesize(scene, severity, np.random.default_rng(seed))) for seed in SEEDS]
    assert max(counts) <= size
    assert np.median(counts) >= 0.8 * size


def test_diffused_error_keeps_local_colors() -> None:
    """Inside the palette's range, local means are far closer to the original than with the nearest colours."""
    ramp = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None, :, None], 64, 0).repeat(3, -1)
    better = 0
    for seed in SEEDS:
        image = color_quantization.synthesize(ramp, 5, np.random.default_rng(seed))
        palette = np.unique(image)
        nearest = palette[np.abs(ramp[..., None] - palette).argmin(-1)]
        dithered, plain = (np.abs(local_mean(x) - local_mean(ramp))[:, 4:-4].mean() for x in (image, nearest))
        better += dithered < 0.5 * plain
    assert better >= 0.75 * len(SEEDS)


@pytest.mark.parametrize(("severity", "levels"), [(1, 6), (2, 5), (3, 4), (4, 3), (5, 2)])
def test_dithering_uses_evenly_spaced_levels(scene: Image, severity: float, levels: int) -> None:
    for seed in SEEDS:
        image = color_dithering.synthesize(scene, severity, np.random.default_rng(seed))
        steps = image * (levels - 1)
        np.testing.assert_allclose(steps, np.round(steps), atol=0.01 * levels)
        assert len(np.unique(np.round(steps))) == levels


def test_dithering_keeps_the_mean() -> None:
    card = np.full((96, 96, 3), (0.3, 0.5, 0.62), np.float32)
    for seed in SEEDS:
        image = color_dithering.synthesize(card, 5, np.random.default_rng(seed))
        np.testing.assert_allclose(image.mean((0, 1)), card[0, 0], atol=0.03)


def test_dithering_is_mostly_periodic(flat: Image) -> None:
    """A matrix of n x n repeats after n pixels; error diffusion does not."""
    periodic = 0
    for seed in range(20):
        image = color_dithering.synthesize(flat * 0.9, 4, np.random.default_rng(seed))
        periodic += any(np.array_equal(image[n:, n:], image[:-n, :-n]) for n in (4, 5, 6, 8))
    assert 12 <= periodic < 20


@pytest.mark.parametrize("make", [lambda: color_dithering.bayer(8), lambda: color_dithering.clustered_dot(6)])
def test_threshold_matrices_hold_each_rank_once(make: object) -> None:
    assert callable(make)
    thresholds = np.sort(make().ravel())
    np.testing.assert_allclose(np.diff(thresholds), 1 / thresholds.size, rtol=1e-4)
    assert thresholds[0] > 0
    assert thresholds[-1] < 1


def test_levels_fall_one_channel_at_a_time() -> None:
    totals = [sum(color_dithering.channel_levels(s)) for s in np.linspace(1, 5, 200)]
    assert totals[0] == 18
    assert totals[-1] == 6
    assert all(0 <= a - b <= 1 for a, b in pairwise(totals))


@pytest.mark.parametrize(("severity", "thresholds"), [(1, 20), (2, 16), (3, 13), (4, 10), (5, 7)])
def test_thresholds_leave_one_level_more(scene: Image, severity: float, thresholds: int) -> None:
    for seed in SEEDS:
        image = quantization.synthesize(scene, severity, np.random.default_rng(seed))
        levels = [len(np.unique(image[..., channel])) for channel in range(3)]
        assert thresholds / 2 < max(levels) <= thresholds + 1


def test_quantization_is_a_rising_curve_of_each_channel(scene: Image) -> None:
    for seed in SEEDS:
        image = quantization.synthesize(scene, 5, np.random.default_rng(seed))
        for channel in range(3):
            order = np.argsort(np.round(scene[..., channel] * 255), axis=None, kind="stable")
            assert (np.diff(image[..., channel].ravel()[order]) >= 0).all()
        assert np.abs(image - scene).max() < 0.35


def test_one_color_pictures_survive() -> None:
    for value in (0.0, 0.4, 1.0):
        card = np.full((32, 40, 3), value, np.float32)
        for seed in SEEDS:
            image = quantization.synthesize(card, 3, np.random.default_rng(seed))
            assert len(np.unique(image)) == 1
            assert np.isfinite(image).all()
