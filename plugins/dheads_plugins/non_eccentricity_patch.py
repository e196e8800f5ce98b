"""Non-eccentricity patches, KADID-10k type 20: 20, 40, 60, 80, 100 patches of a 512x384 picture, moved a little.

Each patch of 16x16 pixels is copied to a place up to 8 pixels away in either direction. The number scales with the
picture's area, at least one; a fraction of a patch is one more with that probability.
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

PATCHES = (20.0, 40.0, 60.0, 80.0, 100.0)
REFERENCE_AREA = 512 * 384
SIDE, REACH = 16, 8


def parameters(severity: float) -> Mapping[str, float]:
    """Number of patches for 512x384 pixels."""
    return {"patches": at_severity(PATCHES, severity)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Copy patches to nearby places, one after the other, so that a later one may copy an earlier one.

    In half of the pictures the side is 13 to 20 pixels and the reach 6 to 14 instead.
    """
    height, width = image.shape[:2]
    published = rng.random() < 0.5
    side = SIDE if published else int(rng.integers(13, 21))
    reach = REACH if published else int(rng.integers(6, 15))
    side = min(side, min(height, width) // 2)
    expected = parameters(severity)["patches"] * height * width / REFERENCE_AREA * (SIDE / side) ** 2
    count = max(1, int(expected + rng.random()))
    last = np.array((height - side, width - side))
    sources = rng.integers(0, last + 1, size=(count, 2))
    targets = np.clip(sources + rng.integers(-reach, reach + 1, size=(count, 2)), 0, last)
    patched = image.copy()
    for (y, x), (row, column) in zip(sources.tolist(), targets.tolist(), strict=True):
        patch = patched[y : y + side, x : x + side].copy()
        patched[row : row + side, column : column + side] = patch
    return patched


HEAD = HeadSpec(
    label="non_eccentricity_patch",
    title="Displaced patches",
    family="spatial",
    description="Small squares of the picture are copied to a place nearby, so that edges and textures break.",
    weights=bundled("non_eccentricity_patch"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 20 (Lin, Hosu, Saupe 2019)",
)
