"""How far the statistics of a picture are from those of clean ones, after NIQE (Mittal, Soundararajan, Bovik 2013)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from distortion_heads.errors import InputError
from distortion_heads.metrics.blind.natural_scenes import check_side, normalized, pyramid, scene_statistics

PATCH = 96
LEAST = 2 * PATCH
SHARP = 0.75
"""Share of the largest local deviation that a patch of a clean picture must have to be learnt from."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Naturalness:
    """The normal distribution of the features of patches: `mean` (36,), `covariance` (36, 36)."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


def unnaturalness(pixels: NDArray[np.uint8], clean: Naturalness | None = None) -> float:
    """Return the distance of a picture, uint8 (H, W, 3), from `clean`, by default what ships; less is better.

    Raises `InputError` below 192 pixels a side.
    """
    model = shipped_naturalness() if clean is None else clean
    features, _ = patch_features(pixels)
    gap = features.mean(0) - model.mean
    spread = (np.cov(features.T) + model.covariance) / 2
    value = float(np.sqrt(max(float(gap @ np.linalg.pinv(spread, hermitian=True) @ gap), 0.0)))
    if not np.isfinite(value):
        raise InputError("naturalness is not defined for this picture: it is too plain for it")
    return value


def patch_features(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the features (n, 36) of patches of 96 x 96 that do not overlap, and the mean deviation in each (n,)."""
    check_side(pixels, LEAST, "naturalness")
    features, sharpness = [], np.empty(0)
    for scale, luma in enumerate(pyramid(pixels)):
        values, deviation = normalized(luma)
        side = PATCH >> scale
        rows, columns = (size // PATCH for size in pixels.shape[:2])
        corners = [(row * side, column * side) for row in range(rows) for column in range(columns)]
        features.append([scene_statistics(values[y : y + side, x : x + side]) for y, x in corners])
        if scale == 0:
            sharpness = np.array([deviation[y : y + side, x : x + side].mean() for y, x in corners])
    return np.concatenate(features, axis=1), sharpness


def learn_naturalness(pictures: Iterable[NDArray[np.uint8]]) -> Naturalness:
    """Learn from the sharp patches of clean pictures, uint8 (H, W, 3)."""
    found = []
    for pixels in pictures:
        features, sharpness = patch_features(pixels)
        found.append(features[sharpness >= SHARP * sharpness.max()])
    features = np.concatenate(found)
    return Naturalness(mean=features.mean(0), covariance=np.cov(features.T))


@lru_cache(maxsize=1)
def shipped_naturalness() -> Naturalness:
    """Return what was learnt from this project's clean pictures by `scripts/statistics`."""
    from safetensors.numpy import load

    arrays = load((files("distortion_heads.metrics.blind") / "naturalness.safetensors").read_bytes())
    return Naturalness(**{name: np.asarray(array, np.float64) for name, array in arrays.items()})
