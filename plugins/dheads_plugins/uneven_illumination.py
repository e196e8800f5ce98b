"""Uneven illumination, as in laparoscopic video (LVQ): part of the picture lies in a soft shadow.

Encoded values are multiplied by 1 - depth * s, where the shadow s goes from 0 (lit) to 1 (darkest). Severity is the
depth: 0.3, 0.45, 0.6, 0.75, 0.88 (this project's own levels). The shadow is what an off-centre spot leaves dark, a
one-sided gradient, a dark corner, or a random field of low order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._fields import Floats, enlarge, fractal_noise, grid, normalised, raster, with_mean
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import clip01, pick

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

DEPTH = (0.3, 0.45, 0.6, 0.75, 0.88)


def parameters(severity: float) -> Mapping[str, float]:
    """Share of the encoded value that is lost in the darkest place."""
    return {"depth": at_severity(DEPTH, severity)}


def _spot(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Dark outside an elliptic spot whose middle is off the picture's."""
    y, x = grid(shape)
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.9)
    stretch = np.float32(rng.uniform(0.75, 1.33))
    dy = (y - np.float32(offset * np.sin(angle) * shape[0] / min(shape))) * stretch
    dx = (x - np.float32(offset * np.cos(angle) * shape[1] / min(shape))) / stretch
    squared = dy * dy + dx * dx
    return 1 - np.exp(-squared / np.float32(2 * rng.uniform(0.45, 1.0) ** 2))


def _gradient(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Darker towards one side: from almost linear to a soft step."""
    y, x = grid(shape)
    angle = rng.uniform(0, 2 * np.pi)
    along = normalised(y * np.float32(np.sin(angle)) + x * np.float32(np.cos(angle)))
    step: Floats = np.tanh((along - np.float32(rng.uniform(0.3, 0.7))) * np.float32(rng.uniform(1.0, 5.0)))
    return step


def _corner(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Dark around one corner."""
    y, x = grid(shape)
    corner_y, corner_x = (y[0], y[-1])[int(rng.integers(2))], (x[:, 0], x[:, -1])[int(rng.integers(2))]
    decay: Floats = np.exp(-np.hypot(y - corner_y, x - corner_x) / np.float32(rng.uniform(0.6, 1.3)))
    return decay


def _random(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Dark in one or two broad places."""
    return fractal_noise(shape, rng, cells=rng.uniform(0.7, 1.5), octaves=2, persistence=0.3)


_SHADOWS: tuple[tuple[float, Callable[[tuple[int, int], np.random.Generator], Floats]], ...] = (
    (0.4, _spot),
    (0.25, _gradient),
    (0.15, _corner),
    (0.2, _random),
)


def shadow(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """A smooth field (H, W) from 0 (lit) to 1 (darkest) whose mean is about 0.3 to 0.6."""
    field = normalised(pick(rng, _SHADOWS)(shape, rng))
    return with_mean(field, rng.uniform(0.3, 0.6))


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Multiply by a smooth field; in three of ten pictures the lit part is up to 1.2 times as bright as before."""
    shape = (image.shape[0], image.shape[1])
    field = clip01(enlarge(shadow(raster(shape), rng), shape))[..., None]
    lift = rng.uniform(1.0, 1.2) if rng.random() < 0.3 else 1.0
    return clip01(image * (np.float32(lift) * (1 - np.float32(parameters(severity)["depth"]) * field)))


HEAD = HeadSpec(
    label="uneven_illumination",
    title="Uneven illumination",
    family="light",
    description="Part of the picture lies in a soft shadow: an off-centre spot, a gradient, a dark corner.",
    weights=bundled("uneven_illumination"),
    synthesize=synthesize,
    parameters=parameters,
    view="light",
    stage="atmosphere",
    source="LVQ laparoscopic set (Khan et al. 2020)",
)
