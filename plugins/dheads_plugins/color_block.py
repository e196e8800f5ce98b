"""Colour blocks, KADID-10k type 23: 2, 4, 6, 8, 10 solid blocks of 32x32 pixels in a picture of 512x384.

The number scales with the picture's area, at least one; a fraction of a block is one more with that probability.
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

BLOCKS = (2.0, 4.0, 6.0, 8.0, 10.0)
REFERENCE_AREA = 512 * 384
SIDE = 32


def parameters(severity: float) -> Mapping[str, float]:
    """Number of blocks for 512x384 pixels."""
    return {"blocks": at_severity(BLOCKS, severity)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Put blocks of random colour at random places, some with an anti-aliased edge.

    A quarter of the pictures have blocks of another side, 24 to 44 pixels, and as many as cover the same area.
    """
    height, width = image.shape[:2]
    side = SIDE if rng.random() < 0.75 else int(rng.integers(24, 45))
    side = min(side, min(height, width) // 2)
    expected = parameters(severity)["blocks"] * height * width / REFERENCE_AREA * (SIDE / side) ** 2
    smooth = rng.random() < 0.3
    blocked = image.copy()
    for _ in range(max(1, int(expected + rng.random()))):
        color = rng.random(3, dtype=np.float32)
        position = rng.random(2) * (height - side, width - side)
        top, left = (position if smooth else np.floor(position)).tolist()
        _fill(blocked, top, left, side, color)
    return blocked


def _fill(image: FloatImage, top: float, left: float, side: int, color: FloatImage) -> None:
    """Blend a square into `image` in place; pixels at a fractional position are covered by their share."""
    rows, columns = int(top), int(left)
    coverage = np.outer(_coverage(top - rows, side), _coverage(left - columns, side))[..., None]
    area = image[rows : rows + side + 1, columns : columns + side + 1]
    coverage = coverage[: area.shape[0], : area.shape[1]]
    area += coverage * (color - area)


def _coverage(fraction: float, side: int) -> FloatImage:
    """Share of each of side + 1 pixels that a run of `side` pixels, `fraction` of a pixel in, covers."""
    share = np.ones(side + 1, np.float32)
    share[0], share[-1] = 1 - fraction, fraction
    return share


HEAD = HeadSpec(
    label="color_block",
    title="Colour blocks",
    family="spatial",
    description="Solid squares of random colour hide parts of the picture.",
    weights=bundled("color_block"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 23 (Lin, Hosu, Saupe 2019)",
)
