"""Colour diffusion, shift, saturation and chromatic aberration."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_plugins import (
    chromatic_aberration,
    color_diffusion,
    color_saturation_hsv,
    color_saturation_lab,
    color_shift,
)
from dheads_plugins._color import luma
from dheads_plugins._lab import rgb_to_lab

Image = NDArray[np.float32]
SEEDS = range(12)
NAMES = (
    "chromatic_aberration color_diffusion color_dithering color_quantization "
    "color_saturation_hsv color_saturation_lab color_shift quantization"
)
MODULES = [import_module(f"dheads_plugins.{label}") for label in NAMES.split()]


def draws(module: ModuleType, image: Image, severity: float) -> list[Image]:
    return [module.synthesize(image, severity, np.random.default_rng(seed)) for seed in SEEDS]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.HEAD.label)
def test_change_grows_with_severity(module: ModuleType, scene: Image) -> None:
    errors = [np.mean([np.square(image - scene).mean() for image in draws(module, scene, s)]) for s in range(1, 6)]
    assert errors[0] > 1e-5
    assert (np.diff(errors) > 0).all()


@pytest.mark.parametrize(
    "module",
    [chromatic_aberration, color_diffusion, color_saturation_hsv, color_saturation_lab],
    ids=lambda m: m.__name__,
)
def test_a_grey_card_stays_as_it_is(module: ModuleType, flat: Image) -> None:
    for image in draws(module, flat, 4):
        np.testing.assert_allclose(image, flat, atol=2e-3)


def test_diffusion_keeps_lightness_and_smooths_chroma() -> None:
    card = np.full((96, 96, 3), 0.45, np.float32)
    card[:, 48:] = (0.49, 0.44, 0.43)  # weak chroma stays in the gamut when it is amplified
    before = rgb_to_lab(card)
    for image in draws(color_diffusion, card, 3):
        after = rgb_to_lab(image)
        assert np.abs(after[..., 0] - before[..., 0]).max() < 2.0
        profile = after[48, :, 1] / after[48, -1, 1]
        assert profile[48] == pytest.approx(0.5, abs=0.15)  # a step at column 48 becomes a ramp


@pytest.mark.parametrize("sigma", [3.5, 6.5, 11, 20])
def test_wide_chroma_blur_is_gaussian(sigma: float) -> None:
    from scipy.ndimage import gaussian_filter

    plane = np.random.default_rng(5).random((303, 262), dtype=np.float32)
    plane[:, 130:] += 1
    exact = gaussian_filter(plane, sigma, mode="nearest", truncate=4)
    fast = color_diffusion.blur_planes(plane[..., None], sigma, 4)[..., 0]
    inside = slice(int(3 * sigma), -int(3 * sigma))
    assert np.abs(fast - exact)[inside, inside].max() < 0.02  # of a range of 2


@pytest.mark.parametrize(("severity", "length"), [(2, 3), (3, 6), (5, 12)])
def test_shift_moves_green_alone_by_the_published_length(severity: float, length: float) -> None:
    noise = np.random.default_rng(9).random((128, 128, 3), dtype=np.float32)
    pattern = np.fft.fft2(noise[..., 1] - noise[..., 1].mean())
    for image in draws(color_shift, noise, severity):
        np.testing.assert_array_equal(image[..., ::2], noise[..., ::2])
        correlation = np.fft.ifft2(np.fft.fft2(image[..., 1] - noise[..., 1]) * pattern.conj()).real
        shift = np.array(np.unravel_index(correlation.argmax(), correlation.shape))
        shift = np.where(shift > 64, shift - 128, shift)
        assert np.hypot(*shift) == pytest.approx(length, abs=1)


def test_shift_spares_flat_parts(scene: Image) -> None:
    ramp = np.repeat(np.linspace(0.2, 0.8, 192, dtype=np.float32)[None, :, None], 128, 0).repeat(3, -1)
    ramp[56:72, 20:36] = 1.0
    for image in draws(color_shift, ramp, 5):
        changed = np.abs(image - ramp).max(-1)
        assert changed[40:90, 8:60].max() > 0.2
        assert changed[:, 120:180].max() < 0.02


@pytest.mark.parametrize(("severity", "factor"), [(1, 0.4), (2, 0.2), (3, 0.1), (4, 0.05), (5, 0.0)])
def test_fading_scales_the_distance_between_channels(scene: Image, severity: float, factor: float) -> None:
    spread = np.ptp(scene, axis=-1)
    for image in draws(color_saturation_hsv, scene, severity):
        np.testing.assert_allclose(np.ptp(image, axis=-1), factor * spread, atol=1e-5)
        assert image.max() > 0.5


def test_fading_turns_no_hue() -> None:
    red = np.full((32, 32, 3), (0.6, 0.3, 0.3), np.float32)
    for severity in np.linspace(1, 5, 17):
        for image in draws(color_saturation_hsv, red, severity):
            assert (image[..., 0] >= image[..., 1]).all()
            np.testing.assert_allclose(image[..., 1], image[..., 2], atol=1e-6)


def test_saturation_multiplies_lab_chroma() -> None:
    pale = np.full((32, 32, 3), (0.52, 0.5, 0.49), np.float32)
    chroma = np.hypot(*rgb_to_lab(pale)[0, 0, 1:])
    factors = (1.5, 2, 3, 6, 9)
    for severity, factor in enumerate(factors, 1):
        gains = [
            np.hypot(*rgb_to_lab(image)[0, 0, 1:]) / chroma for image in draws(color_saturation_lab, pale, severity)
        ]
        assert np.median(gains) == pytest.approx(factor, rel=0.02)


def test_saturation_keeps_the_lightness_inside_the_gamut() -> None:
    pale = np.full((32, 32, 3), (0.52, 0.5, 0.49), np.float32)
    for image in draws(color_saturation_lab, pale, 3):
        assert luma(image)[0, 0] == pytest.approx(luma(pale)[0, 0], abs=0.02)


def peak(plane: Image) -> NDArray[np.float64]:
    weights = plane.astype(np.float64)
    grid = np.indices(plane.shape)
    return (weights * grid).sum((1, 2)) / weights.sum()


@pytest.mark.parametrize(("severity", "length"), [(1, 0.7), (3, 2.5), (5, 7.0)])
def test_sideways_aberration_moves_red_against_blue(impulse: Image, severity: float, length: float) -> None:
    lengths = []
    for image in draws(chromatic_aberration, np.maximum(impulse, 0), severity):
        np.testing.assert_array_equal(image[..., 1], impulse[..., 1])
        lengths.append(np.hypot(*(peak(image[..., 0]) - peak(image[..., 2]))))
    # Radially, the middle hardly moves; else red and blue part by twice the length, or once if one stays.
    sideways = [value for value in lengths if value > 0.7 * length]
    assert len(sideways) > len(lengths) / 4
    for value in sideways:
        assert min(abs(value / length - 1), abs(value / length - 2)) < 0.2


def test_radial_aberration_has_the_root_mean_square_length() -> None:
    rows, columns = np.mgrid[0:120, 0:200]
    for length, centre in ((3.0, (0.5, 0.5)), (-2.0, (0.4, 0.6))):
        scale, (top, left) = chromatic_aberration._magnification((120, 200), length, np.array(centre))
        displacement = np.hypot(scale * rows + top - rows, scale * columns + left - columns)
        assert np.sqrt(np.square(displacement).mean()) == pytest.approx(abs(length), rel=0.02)


@pytest.mark.parametrize("cubic", [False, True])
def test_resampling_is_registered(cubic: bool) -> None:
    plane = np.tile(np.linspace(0.1, 0.9, 81, dtype=np.float32), (40, 1))
    moved = chromatic_aberration.resample(plane, 1.0, (0.0, 2.5), cubic=cubic)
    np.testing.assert_allclose(moved[:, 5:70], plane[:, 5:70] + 0.025, atol=1e-4)
    np.testing.assert_allclose(chromatic_aberration.resample(plane, 1.0, (0.0, 0.0), cubic=cubic), plane, atol=1e-6)
