"""Additive white Gaussian noise, KADID-10k type 11: variance 0.001, 0.002, 0.003, 0.005, 0.01 (of a range of 1)."""

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

VARIANCE = (0.001, 0.002, 0.003, 0.005, 0.01)


def parameters(severity: float) -> Mapping[str, float]:
    """Variance of every channel before clipping."""
    return {"variance": at_severity(VARIANCE, severity, log=True)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Add noise, independent per channel mostly; sometimes grey, sometimes stronger in bright parts, as in a sensor."""
    height, width, _ = image.shape
    deviation = np.float32(parameters(severity)["variance"] ** 0.5)
    noise = deviation * channel_noise(rng, height, width, draw_correlation(rng))
    if rng.random() < 0.15:
        noise = noise * _sensor_gain(image, rng)
    return add_clipped(image, noise)


def _sensor_gain(image: FloatImage, rng: np.random.Generator) -> FloatImage:
    """Shot noise over read noise: variance affine in the signal (Foi et al. 2008), with a mean of 1."""
    power = image + np.float32(rng.uniform(0.05, 0.3))
    gain: FloatImage = np.sqrt(power / power.mean())
    return gain


HEAD = HeadSpec(
    label="white_noise",
    title="White noise",
    family="noise",
    description="Fine random grain, independent from pixel to pixel, as from a sensor at high sensitivity.",
    weights=bundled("white_noise"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 11 (Lin, Hosu, Saupe 2019)",
)
