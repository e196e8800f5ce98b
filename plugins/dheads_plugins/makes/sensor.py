"""Noise as cameras make it (`synthesis.camera`); and grain, chroma noise, banding and noise that nearly hides all."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads.synthesis.camera import develop
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import LUMA, Floats, clip01, pick

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

SHOT = (0.0004, 0.0015, 0.005, 0.015, 0.06)
"""Variance of the shot noise of white, as a share of white squared: from ISO 400 to beyond what cameras offer."""

GRAIN = (0.02, 0.04, 0.07, 0.11, 0.17)
CHROMA = (0.02, 0.04, 0.07, 0.11, 0.17)
BANDING = (0.006, 0.012, 0.022, 0.04, 0.07)
STRONG = (0.03, 0.06, 0.12, 0.25, 0.5)
"""Standard deviations of encoded values in [0, 1]."""


def camera(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """High ISO: sensor, demosaicing and the camera's own cleaning."""
    return develop(image, at_severity(SHOT, severity) * rng.uniform(0.7, 1.4), rng)


def raw_camera(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """High ISO, developed without any cleaning."""
    return develop(image, at_severity(SHOT, severity) * rng.uniform(0.5, 1.0), rng, finish=False)


def film_grain(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Clumps of silver: noise of a pixel or two in size, strongest in the middle tones, mostly without colour."""
    from scipy.ndimage import gaussian_filter

    size, colour = rng.uniform(0.4, 1.5), rng.uniform(0.0, 0.6)
    common = gaussian_filter(rng.standard_normal((*image.shape[:2], 1), np.float32), (size, size, 0))
    own = gaussian_filter(rng.standard_normal(image.shape, np.float32), (size, size, 0))
    grain = common + np.float32(colour) * own
    luma = image.mean(axis=2, keepdims=True)
    strength = at_severity(GRAIN, severity) * 4 * np.maximum(luma * (1 - luma), 0.05)
    return clip01(image + grain / max(float(grain.std()), 1e-6) * strength)


def chroma_noise(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Coloured blotches: noise of a few pixels in size that leaves the luma alone."""
    from scipy.ndimage import gaussian_filter

    size = rng.uniform(0.5, 4.0)
    noise = gaussian_filter(rng.standard_normal(image.shape, np.float32), (size, size, 0))
    noise -= (noise @ LUMA)[..., None]
    return clip01(image + noise / max(float(noise.std()), 1e-6) * np.float32(at_severity(CHROMA, severity)))


def banding(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Rows or columns with an offset of their own, beside some white noise."""
    deviation = np.float32(at_severity(BANDING, severity))
    height, width, _ = image.shape
    shape = (height, 1, 1) if rng.random() < 0.6 else (1, width, 1)
    lines = rng.standard_normal(shape, np.float32) * deviation
    return clip01(image + lines + rng.standard_normal(image.shape, np.float32) * deviation)


def strong(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """White noise until the picture is nearly lost: Gaussian, uniform or Laplacian, per channel or alike in all."""
    deviation = at_severity(STRONG, severity) * rng.uniform(0.7, 1.3)
    shape = image.shape if rng.random() < 0.7 else (*image.shape[:2], 1)
    draw: Callable[[], Floats] = pick(
        rng,
        (
            (0.6, lambda: rng.standard_normal(shape, np.float32)),
            (0.2, lambda: rng.uniform(-math.sqrt(3), math.sqrt(3), shape).astype(np.float32)),
            (0.2, lambda: rng.laplace(0.0, math.sqrt(0.5), shape).astype(np.float32)),
        ),
    )
    return clip01(image + np.float32(deviation) * draw())


def shot_noise(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Poisson counts of encoded values, as many libraries make it: from 500 photons for white down to 3."""
    photons = at_severity((500.0, 100.0, 40.0, 12.0, 3.0), severity) * rng.uniform(0.7, 1.4)
    return clip01((rng.poisson(image * photons) / photons).astype(np.float32))


def salt_or_pepper(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """White, black or both, of single channels or of whole pixels, up to four in ten."""
    density = at_severity((0.002, 0.01, 0.04, 0.12, 0.4), severity) * rng.uniform(0.6, 1.4)
    shape = (*image.shape[:2], 1) if rng.random() < 0.6 else image.shape
    white = pick(rng, ((0.5, 0.5), (0.25, 1.0), (0.25, 0.0)))
    hit = rng.random(shape) < density
    return np.where(hit, (rng.random(shape) < white).astype(np.float32), image).astype(np.float32)


def speckle(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Noise in proportion to the value, up to the value itself."""
    deviation = at_severity((0.08, 0.15, 0.25, 0.45, 0.8), severity) * rng.uniform(0.7, 1.3)
    return clip01(image * (1 + np.float32(deviation) * rng.standard_normal(image.shape, np.float32)))
