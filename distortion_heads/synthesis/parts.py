"""Parts of a picture that are distorted while the rest is not: halves, rectangles, ellipses and clouds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WHOLE, ROUND = 0.1, 0.7
"""How often the part is all of the picture, and how often of the others it is a shape with an outline."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """The pixels of a part, bool (H, W), and how much of the distortion each has, float32 (H, W) in [0, 1]."""

    inside: NDArray[np.bool_]
    weight: NDArray[np.float32]

    @property
    def box(self) -> tuple[slice, slice]:
        """The rows and columns that it reaches over."""
        rows, columns = (np.flatnonzero(self.inside.any(axis=axis)) for axis in (1, 0))
        return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def draw_part(shape: tuple[int, int], rng: np.random.Generator, *, soft: bool) -> Part:
    """Draw a part of a picture of that shape; of a `soft` one the edge fades, as that of smoke does."""
    choice = rng.random()
    if choice < WHOLE:
        return _hard(np.ones(shape, bool))
    if soft:
        return _ellipse(shape, rng, rng.uniform(0.1, 0.5)) if choice < ROUND else _cloud(shape, rng)
    if choice < ROUND:
        return _hard(_rectangle(shape, rng))
    drawn = _ellipse(shape, rng, 0.02) if choice < (1 + ROUND) / 2 else _cloud(shape, rng)
    return drawn if rng.random() < 0.5 else _hard(drawn.inside)


def _hard(inside: NDArray[np.bool_]) -> Part:
    return Part(inside=inside, weight=inside.astype(np.float32))


def _rectangle(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
    """All on one side of a line, in one case of three, else a rectangle."""
    inside = np.zeros(shape, bool)
    if rng.random() < 0.35:
        axis, share = int(rng.integers(2)), rng.uniform(0.3, 0.7)
        line = int(shape[axis] * share)
        kept = slice(line) if rng.random() < 0.5 else slice(line, None)
        inside[(kept, slice(None)) if axis == 0 else (slice(None), kept)] = True
        return inside
    down, across = (max(1, int(side * rng.uniform(0.25, 0.7))) for side in shape)
    top, left = int(rng.integers(shape[0] - down + 1)), int(rng.integers(shape[1] - across + 1))
    inside[top : top + down, left : left + across] = True
    return inside


def _ellipse(shape: tuple[int, int], rng: np.random.Generator, soft: float) -> Part:
    """It fades from the share `soft` of its radius inside its edge to as much outside."""
    (height, width), centre, radii = shape, rng.uniform(0.1, 0.9, 2), rng.uniform(0.2, 0.45, 2)
    y, x = np.ogrid[:height, :width]
    radius = np.hypot((y / height - centre[0]) / radii[0], (x / width - centre[1]) / radii[1])
    return Part(inside=radius <= 1, weight=np.clip((1 + soft - radius) / (2 * soft), 0, 1).astype(np.float32))


def _cloud(shape: tuple[int, int], rng: np.random.Generator) -> Part:
    """The upper part of smooth noise."""
    places = int(rng.integers(2, 6))
    noise = Image.fromarray(rng.standard_normal((places, places)).astype(np.float32))
    field = np.asarray(noise.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))
    edge = np.quantile(field[::4, ::4], rng.uniform(0.3, 0.75))
    slope = rng.uniform(0.03, 0.5) * field.std() + 1e-6
    inside = field >= edge
    if not inside.any():
        return _hard(np.ones(shape, bool))
    return Part(inside=inside, weight=np.clip(0.5 + (field - edge) / slope, 0, 1).astype(np.float32))
