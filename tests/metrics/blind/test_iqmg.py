"""The three scores of IQM-G: sharpness, JPEG's blocks, the level of noise."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from distortion_heads.errors import InputError
from distortion_heads.metrics.blind.blocking import jpeg_quality
from distortion_heads.metrics.blind.noise_level import noise_level
from distortion_heads.metrics.blind.sharpness import s3_sharpness, spatial_sharpness, spectral_sharpness

Score = Callable[[NDArray[np.uint8]], float]


def textured(seed: int = 0, side: int = 192) -> NDArray[np.uint8]:
    """Return a picture with flat and with rough parts, as photographs have."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.normal(0, 400, (side, side)), 12)
    edges = 60 * (gaussian_filter(rng.normal(0, 1, (side, side)), 8) > 0)
    rough = np.where(np.arange(side)[:, None] < side // 3, gaussian_filter(rng.normal(0, 80, (side, side)), 1), 0)
    grey = np.clip(100 + smooth + edges + rough, 0, 255)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


def as_jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def noisy(pixels: NDArray[np.uint8], deviation: float) -> NDArray[np.uint8]:
    noise = np.random.default_rng(1).normal(0, deviation, pixels.shape[:2])[..., None]
    return np.clip(pixels + noise, 0, 255).round().astype(np.uint8)


@pytest.mark.parametrize("seed", [0, 1])
def test_jpeg_score_falls_with_the_quality(seed: int) -> None:
    scores = [jpeg_quality(as_jpeg(textured(seed), quality)) for quality in (5, 10, 30, 90)]
    assert scores == sorted(scores)
    assert scores[0] < 5 < scores[-1] < 12


def test_jpeg_score_of_known_figures() -> None:
    """Steps of 1 within blocks and of 9 between them along, none down, and none that changes the sign."""
    columns = np.arange(64)
    luma = np.tile(columns + 8 * (columns // 8), (64, 1)).astype(np.uint8)
    pixels = np.repeat(luma[..., None], 3, axis=2)
    jump, activity, crossings = 9 / 2, (8 * 119 / 63 - 9) / 7 / 2, 1e-6
    expected = -245.8909 + 261.9373 * jump**-0.02398886 * activity**0.01601664 * crossings**0.00642859
    assert jpeg_quality(pixels) == pytest.approx(expected)


@pytest.mark.parametrize("deviation", [3, 8, 20])
def test_noise_level_is_that_of_the_noise(deviation: int) -> None:
    assert noise_level(noisy(textured(), deviation)) == pytest.approx(deviation, rel=0.08)


def test_noise_level_of_no_noise_is_next_to_nothing() -> None:
    assert noise_level(textured()) < 1.5
    assert noise_level(np.full((64, 64, 3), 90, np.uint8)) == 0


def test_s3_falls_with_blur() -> None:
    picture = textured()
    scores = [s3_sharpness(gaussian_filter(picture, (sigma, sigma, 0))) for sigma in (4, 1.5, 0.7, 0)]
    assert scores == sorted(scores)
    assert 0 <= scores[0] < 0.5 * scores[-1] <= 1


def test_s3_of_its_parts() -> None:
    rng = np.random.default_rng(0)
    white = rng.uniform(0, 255, (96, 96))
    assert spectral_sharpness(white).min() > 0.98  # a flat spectrum: 1 - 1 / (1 + exp(6))
    assert spectral_sharpness(np.full((96, 96), 200.0)).max() == 0
    board = np.kron(np.indices((12, 12)).sum(0) % 2, np.ones((8, 8))) * 255
    assert spatial_sharpness(board).max() == pytest.approx(1.0)  # four of the six pairs at a corner differ
    edge = np.repeat([[0.0] * 12 + [255.0] * 12], 24, axis=0)
    assert spatial_sharpness(edge).max() == pytest.approx(1.0)
    assert s3_sharpness(np.full((64, 64, 3), 128, np.uint8)) == 0


@pytest.mark.parametrize(("score", "least"), [(jpeg_quality, 16), (noise_level, 28), (s3_sharpness, 32)])
def test_small_pictures_are_refused_and_the_smallest_are_not(score: Score, least: int) -> None:
    picture = textured(side=64)
    assert np.isfinite(score(picture[:least, :least]))
    with pytest.raises(InputError, match=f"needs {least} pixels"):
        score(picture[: least - 1])
