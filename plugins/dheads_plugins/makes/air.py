"""Haze that grows with the distance, and smoke that hangs in one place (scattering model of Koschmieder)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._fields import Floats, enlarge, fractal_noise, grid, normalised, raster
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import clip01, pick, to_encoded, to_linear

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

OPACITY = (0.15, 0.27, 0.4, 0.56, 0.75)
"""Share of the light that the veil adds where it is thickest (its 90th percentile)."""


def _airlight(rng: np.random.Generator) -> Floats:
    warmth, grey = rng.normal(0.0, 0.025), rng.uniform(0.55, 0.98)
    return clip01((grey * np.array([1 + warmth, 1.0, 1 - warmth])).astype(np.float32))


def _veil(image: FloatImage, depth: Floats, opacity: float, rng: np.random.Generator) -> FloatImage:
    """Lay the veil over the picture: exp(-k depth) of its light comes through, `opacity` of the rest at the 90th
    percentile of depth."""
    far = max(float(np.quantile(depth[::4, ::4], 0.9)), 1e-3)
    through = np.exp(np.float32(np.log(1 - opacity) / far) * depth)[..., None]
    airlight = _airlight(rng)
    if rng.random() < 0.4:
        return clip01(to_encoded(to_linear(image) * through + to_linear(airlight) * (1 - through)))
    return clip01(image * through + airlight * (1 - through))


def depth_map(image: FloatImage, rng: np.random.Generator) -> Floats:
    """A guess at the distance of each pixel, (H, W), in [0, 1]: farther upwards, with objects that stand out."""
    shape = (image.shape[0], image.shape[1])
    small = raster(shape)
    y, x = grid(small)
    ground = np.clip(0.5 - y * np.float32(rng.uniform(0.3, 0.6)) + x * np.float32(rng.normal(0, 0.1)), 0, 1)
    objects = fractal_noise(small, rng, cells=rng.uniform(1.5, 4.0), octaves=3, persistence=0.5)
    near = (objects > np.quantile(objects, rng.uniform(0.5, 0.9))) * np.float32(rng.uniform(0.0, 0.7))
    return np.clip(enlarge((ground * (1 - near)).astype(np.float32), shape), 0, 1)


def haze(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Mist or haze over a scene with depth."""
    depth = np.float32(rng.uniform(0.05, 0.4)) + depth_map(image, rng)
    return _veil(image, depth, at_severity(OPACITY, severity), rng)


def even_haze(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """The same veil everywhere: fog close by, a dirty or fogged lens."""
    return _veil(image, np.ones(image.shape[:2], np.float32), at_severity(OPACITY, severity) * 0.9, rng)


def plume(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Smoke in one place, as of an instrument that burns tissue: dense near its source, torn at its edges."""
    shape = (image.shape[0], image.shape[1])
    small = raster(shape)
    y, x = grid(small)
    centre = rng.uniform(-0.9, 0.9, 2).astype(np.float32)
    size = np.float32(rng.uniform(0.4, 1.1))
    stretch, angle = np.float32(rng.uniform(1.0, 2.5) ** 0.5), rng.uniform(0, np.pi)
    dy, dx = y - centre[0], x - centre[1]
    along = dx * np.float32(np.cos(angle)) + dy * np.float32(np.sin(angle))
    across = dy * np.float32(np.cos(angle)) - dx * np.float32(np.sin(angle))
    near = np.exp(-((along / (size * stretch)) ** 2 + (across * stretch / size) ** 2))
    torn = fractal_noise(small, rng, cells=rng.uniform(2.0, 5.0), octaves=5, persistence=rng.uniform(0.5, 0.7))
    depth = normalised(np.maximum(near * (0.5 + torn) - np.float32(rng.uniform(0.0, 0.15)), 0))
    return _veil(image, np.clip(enlarge(depth, shape), 0, None), min(0.95, at_severity(OPACITY, severity) * 1.15), rng)


def swirls(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Smoke that fills the picture in swirls."""
    shape = (image.shape[0], image.shape[1])
    small = raster(shape)
    noise = fractal_noise(small, rng, cells=rng.uniform(1.0, 3.0), octaves=6, persistence=0.6)
    ridges = 1 - np.abs(2 * noise - 1)
    depth = np.float32(rng.uniform(0.1, 0.5)) + pick(rng, ((0.5, noise), (0.5, ridges)))
    return _veil(image, np.clip(enlarge(depth, shape), 0, None), at_severity(OPACITY, severity), rng)
