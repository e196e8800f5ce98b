"""Gaussian blur, KADID-10k type 01: standard deviation 0.1, 0.5, 1, 2, 5 pixels.

A standard deviation of 0.1 leaves every pixel as it was, so severity 1 uses 0.35 here: it takes half of the contrast
at the Nyquist frequency.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

SIGMA = (0.35, 0.5, 1.0, 2.0, 5.0)


def parameters(severity: float) -> Mapping[str, float]:
    """Standard deviation in pixels."""
    return {"sigma": at_severity(SIGMA, severity, log=True)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Blur with a Gaussian; its support (3 to 4 standard deviations) varies, as it does between programs."""
    from scipy.ndimage import gaussian_filter

    sigma = parameters(severity)["sigma"]
    blurred = gaussian_filter(image, (sigma, sigma, 0), mode="reflect", truncate=rng.uniform(3.0, 4.0))
    return np.clip(blurred, 0.0, 1.0).astype(np.float32, copy=False)


HEAD = HeadSpec(
    label="gaussian_blur",
    title="Gaussian blur",
    family="blur",
    description="Smoothed evenly in all directions, as by a low-pass filter or a cheap resize.",
    weights=bundled("gaussian_blur"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 01 (Lin, Hosu, Saupe 2019)",
)
