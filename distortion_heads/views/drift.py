"""Overview -> where light drifts: which way the parts of a picture grow brighter, and whether they agree.

A lamp at one side, lost corners or a spot multiply whatever is there. The logarithms of neighbours then differ by a
little more in one direction everywhere, on flat and on textured parts alike, while the edges of a scene are few, steep
and go either way; so steps are cut at a limit before their mean is taken (Zheng et al. 2008 find vignetting by the
asymmetry of such steps about the middle). What the parts have in common is asked of many directions and centres, and
the best answer is kept, wherever the light comes from.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from distortion_heads.views.planes import continued, luma

LEAST_SIDE = 32
"""Rows and columns below which a picture is continued by its edge; a step is this part of the shorter side."""

LOGARITHM = np.round(1024 * np.log(np.arange(256) + 8)).astype(np.int16)
"""Logarithm of each grey level, a whole number: a graph finds the same. 8 keeps the noise of dark levels small."""

LIMITS = (31, 102, 307)
"""Where steps of the logarithm are cut: 3, 10 and 30 %."""

PARTS, UNIT = 6, 4096
"""Parts of a picture along either side, and what a slope counts when each step in a part is at the limit."""

LENGTH = 64
"""Length of a way, in whole numbers."""

ANGLES = np.arange(16) * (np.pi / 8)
DIRECTIONS = np.round(LENGTH * np.stack([np.sin(ANGLES), np.cos(ANGLES)], axis=1)).astype(np.int64)
"""Sixteen ways to go, (16, 2): down and right."""

PLACES = np.stack(np.meshgrid(*[(np.arange(PARTS) + 0.5) / PARTS - 0.5] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
CENTRES = np.stack(np.meshgrid(*[np.linspace(-0.6, 0.6, 5)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
MIDDLE = len(CENTRES) // 2
_AWAY = PLACES - CENTRES[:, np.newaxis]
OUTWARD = np.round(LENGTH * _AWAY / (np.hypot(_AWAY[..., :1], _AWAY[..., 1:]) + 0.1)).astype(np.int64)
"""Ways from each centre to each part, (25, 36, 2), shorter for those that are near."""

ALONG = (3, 9, 18)
AWAY = (3, 9, 18, 27, 32)
"""Places in the order of the 36 parts: of slopes along a direction, and of slopes away from a centre."""

SCALE = 8.0 / (LENGTH * UNIT)
"""The slopes of a usual picture are an eighth of what they can be."""


def drift(small: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Float64 (66,), each about in [-3, 3], of uint8 (H, W, 3), the picture of `overview_view`: 22 of each limit."""
    logarithm = LOGARITHM[luma(np.moveaxis(continued(small, LEAST_SIDE), 2, 0))]
    step = min(logarithm.shape) // LEAST_SIDE
    steps = (logarithm[step:] - logarithm[:-step], logarithm[:, step:] - logarithm[:, :-step])
    told = [agreement(np.stack([slopes(np.clip(s, -limit, limit), limit) for s in steps], axis=1)) for limit in LIMITS]
    scaled: NDArray[np.float64] = np.concatenate(told) * SCALE
    return scaled


def slopes(steps: NDArray[np.int16], limit: int) -> NDArray[np.int64]:
    """Int64 (36,), at most `UNIT`: the mean of steps (H, W) of at most `limit` in each part, row by row."""
    down, right = (side * np.arange(PARTS + 1) // PARTS for side in steps.shape)
    sums = np.add.reduceat(np.add.reduceat(steps, down[:-1], axis=0, dtype=np.int64), right[:-1], axis=1)
    most = np.outer(np.diff(down), np.diff(right)) * limit
    means: NDArray[np.int64] = np.rint(sums / most * UNIT).astype(np.int64).ravel()
    return means


def agreement(slope: NDArray[np.int64]) -> NDArray[np.float64]:
    """Float64 (22,) of the slopes of all parts, int64 (36, 2).

    The best of all directions, by the mean over the parts and by what at least so many of them have; then the most and
    the least of all centres, and those of the middle.
    """
    along = _ordered(DIRECTIONS @ slope.T, ALONG).max(axis=0)
    away = _ordered((OUTWARD * slope).sum(axis=2), AWAY)
    return np.concatenate([along, away.max(axis=0), away.min(axis=0), away[MIDDLE]])


def _ordered(values: NDArray[np.int64], places: tuple[int, ...]) -> NDArray[np.float64]:
    """(n, 1 + places): the mean of each row and what stands at `places` of its order."""
    return np.concatenate([values.mean(axis=1, keepdims=True), np.sort(values, axis=1)[:, list(places)]], axis=1)
