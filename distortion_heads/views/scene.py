"""Picture -> what is judged of it: the scene, or the reason why there is too little to judge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.views.area import Area, find_area

LEAST_SIDE = 48
"""Pixels: a narrower picture is little but its own reflection in a window. Of 30 sound photographs reduced to a short
side of 32, 48, 64 and 96 some head fired on 14, 6, 2 and 2."""

STRIP = 32
"""Rows that are compared at once."""

SAMPLES, LEAST_BEND = 64, 0.72
"""Pixels that are looked at along either side, and by how many code values, root mean square, one must differ from the
line through its neighbours: a rounded gradient has 0.71, the faintest of 980 photographs 6, and 0.74 once it is made
as dark as can be."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """`pixels` uint8 (H, W, 3): the scene alone; `mask` bool (H, W) where it is no rectangle; `area`: where it lies.

    Without `area` it is the whole picture.
    """

    pixels: NDArray[np.uint8]
    area: Area | None = None

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        return None if self.area is None else self.area.mask


def scene_of(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8] | None = None) -> Scene:
    """Find the scene in uint8 RGB (H, W, 3) with alpha (H, W)."""
    area = find_area(pixels, alpha)
    return Scene(pixels=pixels) if area is None else Scene(pixels=area.scene(pixels), area=area)


def too_little(scene: Scene) -> str | None:
    """Say why a scene cannot be judged; None if it can."""
    height, width = scene.pixels.shape[:2]
    if not scene.pixels.size:
        return "all of it is transparent" if scene.mask is None else "thin lines on one colour"
    if min(height, width) < LEAST_SIDE:
        return f"{width} x {height} pixels" + (" of scene" if scene.area else "")
    if is_flat(scene.pixels):
        return "one colour" if _one_color(scene.pixels) else "almost no structure"
    return None


def _one_color(pixels: NDArray[np.uint8]) -> bool:
    rows = pixels.reshape(len(pixels), -1)  # in strips that stay in the cache, for frame after frame of a video
    strips = (rows[top : top + STRIP] for top in range(0, len(rows), STRIP))
    return np.array_equal(rows[0, 3:], rows[0, :-3]) and all(bool((strip == rows[0]).all()) for strip in strips)


def is_flat(pixels: NDArray[np.uint8]) -> bool:
    """Tell whether uint8 (H, W, 3) is one colour or a smooth gradient, without noise."""
    down, right = (max(1, side // SAMPLES) for side in pixels.shape[:2])
    some = pixels[::down, ::right].astype(np.float32)
    bends = [np.square(np.diff(some, n=2, axis=axis)).mean() for axis in (0, 1)]
    return float(max(bends)) < LEAST_BEND**2
