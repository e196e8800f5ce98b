"""Lens blur (defocus), KADID-10k type 02: the image of a point is a disk of radius 1, 2, 4, 6, 8 pixels.

Also the laparoscopic "defocus". Half of the pictures get KADID's anti-aliased disk; the others a polygon (the blades of
a diaphragm, of the disk's area), a disk with a soft edge (residual aberration), or the disk of whole pixels that
programs without anti-aliasing draw. A fifth is averaged in linear light, as a lens does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dheads_plugins._bundled import bundled
from dheads_plugins._convolve import convolve
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

RADIUS = (1.0, 2.0, 4.0, 6.0, 8.0)
SHAPES = ("disk", "polygon", "soft", "aliased")
SHAPE_ODDS = (0.55, 0.2, 0.13, 0.12)
LINEAR_LIGHT_ODDS = 0.2


def parameters(severity: float) -> Mapping[str, float]:
    """Radius of the disk in pixels."""
    return {"radius": at_severity(RADIUS, severity)}


def aperture(
    radius: float, *, blades: int = 0, rotation: float = 0.0, softness: float = 0.0, subsamples: int = 8
) -> NDArray[np.float64]:
    """Unnormalised point-spread function, odd sides: a disk of `radius` pixels, or a regular polygon of its area.

    `blades`: sides of the polygon, 0 for a disk; `rotation` in radians; `softness`: width of the linear edge in pixels;
    `subsamples` per pixel and axis (1: a pixel is either in or out).
    """
    reach = math.ceil(1.15 * radius + softness / 2 + 0.5)  # 1.15: the corners of an equal-area pentagon
    size = 2 * reach + 1
    axis = (np.arange(size * subsamples) + 0.5) / subsamples - size / 2
    distance = _gauge(axis[np.newaxis, :], axis[:, np.newaxis], blades, rotation)
    inside = np.clip((radius - distance) / softness + 0.5, 0, 1) if softness else np.float64(distance <= radius)
    kernel: NDArray[np.float64] = inside.reshape(size, subsamples, size, subsamples).mean((1, 3))
    return kernel


def _gauge(x: NDArray[np.float64], y: NDArray[np.float64], blades: int, rotation: float) -> NDArray[np.float64]:
    """Radius of the disk whose outline, or equal-area polygon's outline, passes through (x, y)."""
    if not blades:
        return np.hypot(x, y)
    apothem = math.sqrt(math.pi / (blades * math.tan(math.pi / blades)))
    angles = rotation + 2 * math.pi / blades * np.arange(blades)
    gauge: NDArray[np.float64] = np.maximum.reduce([x * math.cos(a) + y * math.sin(a) for a in angles])
    return gauge / apothem


def _draw_aperture(radius: float, rng: np.random.Generator) -> NDArray[np.float64]:
    shape = rng.choice(SHAPES, p=SHAPE_ODDS)
    if shape == "polygon":
        return aperture(radius, blades=int(rng.integers(5, 9)), rotation=rng.uniform(0, 2 * math.pi))
    if shape == "soft":
        return aperture(radius, softness=rng.uniform(0.1, 0.4) * radius)
    return aperture(radius, subsamples=1 if shape == "aliased" else 8)


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Defocus; the aperture's shape and edge, and the space in which light is averaged, vary."""
    kernel = _draw_aperture(parameters(severity)["radius"], rng)
    return convolve(image, kernel, linear_light=rng.random() < LINEAR_LIGHT_ODDS)


HEAD = HeadSpec(
    label="lens_blur",
    title="Lens blur (defocus)",
    family="blur",
    description="Out of focus: every point is spread over a disk, and edges turn into broad ramps.",
    weights=bundled("lens_blur"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 02 (Lin, Hosu, Saupe 2019)",
)
