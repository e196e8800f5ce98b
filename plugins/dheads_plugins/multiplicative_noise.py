"""Multiplicative noise (speckle), KADID-10k type 14: J = I + n I, variance of n 0.001, 0.005, 0.01, 0.02, 0.05."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._noise import add_clipped, channel_noise, draw_correlation
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

VARIANCE = (0.001, 0.005, 0.01, 0.02, 0.05)


def parameters(severity: float) -> Mapping[str, float]:
    """Variance of the factor, whose mean is 1."""
    return {"variance": at_severity(VARIANCE, severity, log=True)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Multiply by noise that is uniform mostly (MATLAB's imnoise), else Gaussian or gamma (multi-look speckle)."""
    noise = _relative_noise(rng, image.shape[0], image.shape[1], parameters(severity)["variance"])
    return add_clipped(image, image * noise)


def _relative_noise(rng: np.random.Generator, height: int, width: int, variance: float) -> FloatImage:
    """Noise of mean 0 and the given variance, (height, width, 3), or (height, width, 1) for all channels together."""
    kind = rng.random()
    if kind < 0.35:
        return np.float32(variance**0.5) * channel_noise(rng, height, width, draw_correlation(rng))
    shape = (height, width, 1 if rng.random() < 0.2 else 3)
    if kind < 0.45:
        looks = 1.0 / variance  # a gamma factor of mean 1 has the variance 1 / looks
        return rng.standard_gamma(looks, shape, dtype=np.float32) * np.float32(variance) - np.float32(1.0)
    return np.float32((12.0 * variance) ** 0.5) * (rng.random(shape, dtype=np.float32) - np.float32(0.5))


HEAD = HeadSpec(
    label="multiplicative_noise",
    title="Multiplicative noise",
    family="noise",
    description="Speckle: random grain that grows with brightness and leaves black clean.",
    weights=bundled("multiplicative_noise"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 14 (Lin, Hosu, Saupe 2019)",
)
