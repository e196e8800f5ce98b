"""Smoke, haze or fog before the scene, as in laparoscopic video (LVQ): severity is the mean opacity of the veil.

Scattering model of Koschmieder: I t + A (1 - t), with transmission t = exp(-k d). The density d is smooth noise of
several octaves, from a local plume to a veil over the whole picture; k is solved for the mean opacity 0.12, 0.22, 0.34,
0.48, 0.65. The levels are this project's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._fields import Floats, enlarge, fractal_noise, grid, normalised, raster
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import clip01, to_encoded, to_linear

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

OPACITY = (0.12, 0.22, 0.34, 0.48, 0.65)


def parameters(severity: float) -> Mapping[str, float]:
    """Mean opacity of the veil, in [0, 1]."""
    return {"opacity": at_severity(OPACITY, severity)}


def density(shape: tuple[int, int], opacity: float, rng: np.random.Generator) -> Floats:
    """Optical density up to a factor, (H, W), >= 0, that can reach a mean opacity of `opacity`."""
    noise = fractal_noise(
        shape, rng, cells=rng.uniform(1.0, 3.5), octaves=int(rng.integers(4, 7)), persistence=rng.uniform(0.45, 0.65)
    )
    if rng.random() < 0.3:  # wisps: ridges of the noise besides its hills
        noise += np.float32(0.4) * (1 - np.abs(2 * noise - 1))
    y, x = grid(shape)
    source = rng.uniform(-1.2, 1.2, 2).astype(np.float32)
    distance = normalised(np.hypot(y - source[0], x - source[1]))
    noise = normalised(noise + np.float32(rng.uniform(0.0, 1.2)) * (1 - distance))
    # A plume much smaller than twice the opacity would have to be opaque.
    coverage = max(rng.uniform(0.5, 1.8), 2.1 * opacity)
    edge = np.float32(np.quantile(noise, max(0.0, 1 - coverage)))
    plume: Floats = np.maximum(noise - edge, np.float32(0)) ** np.float32(1.5)
    return plume + np.float32(2 * max(0.0, coverage - 1))


def transmission(density: Floats, opacity: float) -> Floats:
    """exp(-k density), k such that the mean of 1 - exp(-k density) is `opacity`."""
    sample = density[::2, ::2]
    low, high = -7.0, 9.0
    for _ in range(20):
        middle = (low + high) / 2
        if 1 - float(np.mean(np.exp(-np.float32(np.exp(middle)) * sample))) < opacity:
            low = middle
        else:
            high = middle
    through: Floats = np.exp(-np.float32(np.exp((low + high) / 2)) * density)
    return through


def _airlight(rng: np.random.Generator) -> Floats:
    """Colour of the smoke, (3,): white to mid grey, slightly warm or bluish."""
    warmth = rng.normal(0.0, 0.02)
    tint = np.array([1 + warmth, 1 + rng.normal(0.0, 0.005), 1 - warmth])
    return clip01((rng.uniform(0.68, 0.98) * tint).astype(np.float32))


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Lay a veil over the picture; its form, place and colour vary. One in five is blended in linear light."""
    opacity = parameters(severity)["opacity"]
    shape = (image.shape[0], image.shape[1])
    small = density(raster(shape), opacity, rng)
    through = clip01(enlarge(transmission(small, opacity), shape))[..., None]
    airlight = _airlight(rng)
    if rng.random() < 0.2:
        return clip01(to_encoded(to_linear(image) * through + to_linear(airlight) * (1 - through)))
    return clip01(image * through + airlight * (1 - through))


HEAD = HeadSpec(
    label="smoke",
    title="Smoke",
    family="atmosphere",
    description="A whitish veil of smoke, haze or fog, in plumes or over the whole picture.",
    weights=bundled("smoke"),
    synthesize=synthesize,
    parameters=parameters,
    view="light",
    source="LVQ laparoscopic set (Khan et al. 2020); scattering model of Koschmieder",
)
