"""Physics of the noise distortions: variance, distribution, spectrum, correlation between channels."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_plugins import impulse_noise, multiplicative_noise, pink_noise, white_noise, white_noise_ycbcr
from dheads_plugins._noise import channel_noise, gaussian

Image = NDArray[np.float32]
LABELS = ("white_noise", "white_noise_ycbcr", "impulse_noise", "multiplicative_noise", "denoise", "pink_noise")


def residuals(label: str, image: Image, severity: float, draws: int) -> list[NDArray[np.float64]]:
    """Distorted minus clean, one per seed, so that every way of making the distortion is met."""
    synthesize = import_module(f"dheads_plugins.{label}").synthesize
    return [
        synthesize(image, severity, np.random.default_rng(seed)).astype(np.float64) - image for seed in range(draws)
    ]


def mean_square(label: str, image: Image, severity: float, draws: int = 6) -> float:
    return float(np.mean([np.mean(r**2) for r in residuals(label, image, severity, draws)]))


def correlation(noise: NDArray[np.float64]) -> float:
    return float(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1])


def octave_power(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Total power in the bands 1/64-1/32, 1/32-1/16, 1/16-1/8, 1/8-1/4 cycles per pixel."""
    power = np.abs(np.fft.fft2(noise, axes=(0, 1))) ** 2
    radius = np.hypot(np.fft.fftfreq(noise.shape[0])[:, None], np.fft.fftfreq(noise.shape[1]))
    return np.array([power[(radius >= 2.0**k) & (radius < 2.0 ** (k + 1))].sum() for k in (-6, -5, -4, -3)])


@pytest.mark.parametrize("label", LABELS)
def test_more_severe_changes_more(label: str, scene: Image) -> None:
    changes = [mean_square(label, scene, severity) for severity in (1, 2, 3, 4, 5)]
    assert changes[0] > 1e-5
    assert np.all(np.diff(changes) > 0)


def test_samples_are_standard_normal(rng: np.random.Generator) -> None:
    from scipy.stats import kstest

    samples = gaussian(rng, (200, 1000))
    assert samples.dtype == np.float32
    assert kstest(samples.ravel(), "norm").pvalue > 1e-3
    assert samples.std() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("wanted", [0.0, 0.4, 1.0])
def test_channels_correlate_as_asked(rng: np.random.Generator, wanted: float) -> None:
    noise = np.broadcast_to(channel_noise(rng, 200, 200, wanted), (200, 200, 3)).astype(np.float64)
    assert correlation(noise) == pytest.approx(wanted, abs=0.02)
    assert noise.var() == pytest.approx(1, abs=0.02)


def test_white_noise_has_the_published_variance_however_made(flat: Image) -> None:
    for severity, variance in ((1, 0.001), (3, 0.003), (5, 0.01)):
        for noise in residuals("white_noise", flat, severity, 8):
            assert noise.var() == pytest.approx(variance, rel=0.03)


def test_white_noise_is_white_and_in_colour_or_grey(flat: Image) -> None:
    noises = residuals("white_noise", flat, 3, 20)
    power = octave_power(noises[0])
    assert power[1:] / power[:-1] == pytest.approx([4, 4, 4], rel=0.25)
    kinds = [correlation(noise) for noise in noises]
    assert sum(abs(kind) < 0.05 for kind in kinds) >= 8
    assert any(kind > 0.99 for kind in kinds)


def test_sensor_noise_keeps_its_mean_variance_and_grows_with_light(rng: np.random.Generator) -> None:
    image = np.full((64, 64, 3), 0.2, np.float32)
    image[32:] = 0.8
    gain = white_noise._sensor_gain(image, rng)
    assert np.mean(gain**2) == pytest.approx(1, rel=1e-4)
    assert gain[40, 0, 0] > 1.2 * gain[0, 0, 0]


def test_ycbcr_noise_has_its_variance_on_every_plane(flat: Image) -> None:
    """BT.601 in limited range undone: each plane must show the published variance."""
    matrix = np.linalg.inv(white_noise_ycbcr.to_rgb("bt601", limited=True).astype(np.float64))
    planes = [(noise @ matrix.T).var(axis=(0, 1)) for noise in residuals("white_noise_ycbcr", flat, 4, 12)]
    matching = [p for p in planes if p == pytest.approx([0.002] * 3, rel=0.05)]
    assert len(matching) >= 5


def test_ycbcr_matrices_are_those_of_the_standards() -> None:
    full = white_noise_ycbcr.to_rgb("bt601", limited=False)
    assert full == pytest.approx(np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]]), abs=1e-5)
    limited = white_noise_ycbcr.to_rgb("bt709", limited=True)
    assert limited[0] == pytest.approx([1.1644, 0, 1.7927], abs=1e-3)


def test_ycbcr_noise_is_strongest_in_blue(flat: Image) -> None:
    for noise in residuals("white_noise_ycbcr", flat, 3, 6):
        red, green, blue = noise.var(axis=(0, 1))
        assert blue > red > green


def test_impulses_have_the_published_density(flat: Image) -> None:
    for severity, density in ((2, 0.005), (5, 0.03)):
        shares = [np.mean(noise != 0) for noise in residuals("impulse_noise", flat, severity, 8)]
        assert shares == pytest.approx([density] * 8, rel=0.2)


def test_impulses_are_black_and_white_mostly_and_hit_channels_alone_mostly(flat: Image) -> None:
    noises = residuals("impulse_noise", flat, 4, 30)
    extreme = [bool(np.all(np.isin(noise, (-0.5, 0.0, 0.5)))) for noise in noises]
    alone = [np.count_nonzero(noise) < 2 * np.count_nonzero(noise.any(axis=-1)) for noise in noises]
    assert 20 <= sum(extreme) < 30
    assert 15 <= sum(alone) < 30


def test_at_least_one_impulse_in_the_smallest_picture() -> None:
    image = np.full((32, 32, 3), 0.5, np.float32)
    for seed in range(20):
        assert np.any(impulse_noise.synthesize(image, 1, np.random.default_rng(seed)) != image)


def test_multiplicative_noise_scales_with_the_signal() -> None:
    image = np.full((128, 256, 3), 0.2, np.float32)
    image[:, 128:] = 0.4
    for severity, variance in ((1, 0.001), (3, 0.01)):
        for noise in residuals("multiplicative_noise", image, severity, 10):
            assert noise[:, :128].var() == pytest.approx(variance * 0.2**2, rel=0.06)
            assert noise[:, 128:].var() == pytest.approx(variance * 0.4**2, rel=0.06)
            assert abs(noise.mean()) < 0.002


def test_multiplicative_noise_leaves_black(rng: np.random.Generator) -> None:
    black = np.zeros((32, 32, 3), np.float32)
    assert not multiplicative_noise.synthesize(black, 5, rng).any()


@pytest.mark.parametrize("exponent", pink_noise.EXPONENTS)
def test_pink_noise_falls_as_its_exponent_says(rng: np.random.Generator, exponent: float) -> None:
    """An octave holds 4 times the frequencies of the last one, each with 4^-exponent of its power."""
    field = pink_noise._coloured(rng, 384, 512, exponent, 0.1).astype(np.float64)
    power = octave_power(field)
    assert power[1:] / power[:-1] == pytest.approx([4 ** (1 - exponent)] * 3, rel=0.3)


@pytest.mark.parametrize("exponent", pink_noise.EXPONENTS)
def test_pink_noise_has_its_variance_at_the_reference_size(exponent: float) -> None:
    fields = [pink_noise._coloured(np.random.default_rng(s), 384, 512, exponent, 0.1) for s in range(6)]
    assert np.mean([field.var() for field in fields]) == pytest.approx(0.01, rel=0.1)


def test_pink_noise_has_the_same_fine_grain_at_any_size(rng: np.random.Generator) -> None:
    def grain(height: int, width: int) -> float:
        return float(np.diff(pink_noise._coloured(rng, height, width, 1.0, 0.1), axis=1).std())

    assert grain(97, 131) == pytest.approx(grain(384, 512), rel=0.05)


@pytest.mark.parametrize("seed", range(30))
def test_impulses_of_one_seed_are_of_one_kind_at_every_severity(flat: Image, seed: int) -> None:
    noisy = [impulse_noise.synthesize(flat, severity, np.random.default_rng(seed)) for severity in (1.0, 3.0, 5.0)]
    hit = [(picture != flat).any(axis=-1) for picture in noisy]
    black_and_white = {
        bool(np.isin(picture[changed], [0.0, 1.0, *np.unique(flat)]).all())
        for picture, changed in zip(noisy, hit, strict=True)
    }
    assert len(black_and_white) == 1
