"""Clean pictures -> pictures of which a known half, rectangle or plume is distorted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.spec import HeadSpec

KINDS = ("gaussian_blur", "lens_blur", "white_noise", "impulse_noise", "jpeg", "smoke")
SEVERITIES = (3.0, 4.0, 5.0)
PLUMES = frozenset({"smoke"})
CUT_OUT = frozenset({"jpeg"})
"""Distortions that a part has by itself, as a picture pasted into another: its blocks begin at its corner."""

HALVES, SIDES = 0.4, (0.4, 0.65)
"""Share of the cases in which a half is distorted; sides of the rectangles in the others, of those of the picture."""

SOFT = 0.25
"""A plume fades from this share of its radius inside its edge to as much outside."""

_Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A picture, uint8 (H, W, 3), and the part of it, bool (H, W), that has `label` at `severity`."""

    label: str
    severity: float
    pixels: _Pixels
    part: NDArray[np.bool_]


def draw_cases(pixels: _Pixels, specs: Mapping[str, HeadSpec], seed: tuple[int, ...]) -> Iterator[Case]:
    """Yield a case for each of `specs`, by label, and severity; each draws its own part."""
    clean = to_float(pixels)
    for place, (label, spec) in enumerate(specs.items()):
        assert spec.synthesize is not None
        for severity in SEVERITIES:
            rng = np.random.default_rng((*seed, place, round(severity)))
            top, bottom, left, right = box = _box(pixels.shape[:2], rng)
            part = np.zeros(pixels.shape[:2], bool)
            part[top:bottom, left:right] = True
            if label in CUT_OUT:
                mixed = clean.copy()
                mixed[top:bottom, left:right] = spec.synthesize(clean[top:bottom, left:right].copy(), severity, rng)
            else:
                weight = part.astype(np.float32)
                if label in PLUMES:
                    part, weight = _plume(pixels.shape[:2], box)
                distorted = spec.synthesize(clean, severity, rng)
                mixed = clean + weight[..., np.newaxis] * (distorted - clean)
            yield Case(label=label, severity=severity, pixels=to_uint8(np.clip(mixed, 0, 1)), part=part)


def _box(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of a half or a rectangle."""
    height, width = shape[:2]
    if rng.random() < HALVES:
        halves = (
            (0, height // 2, 0, width),
            (height // 2, height, 0, width),
            (0, height, 0, width // 2),
            (0, height, width // 2, width),
        )
        return halves[int(rng.integers(4))]
    down, across = (int(side * rng.uniform(*SIDES)) for side in (height, width))
    top, left = int(rng.integers(height - down + 1)), int(rng.integers(width - across + 1))
    return top, top + down, left, left + across


def _plume(shape: tuple[int, ...], box: tuple[int, int, int, int]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """The ellipse in a box, and how much of the plume each pixel has."""
    top, bottom, left, right = box
    y, x = np.ogrid[: shape[0], : shape[1]]
    down, across = (bottom - top) / 2, (right - left) / 2
    radius = np.hypot((y - (top + bottom) / 2) / down, (x - (left + right) / 2) / across)
    return radius <= 1, np.clip((1 + SOFT - radius) / (2 * SOFT), 0, 1).astype(np.float32)
