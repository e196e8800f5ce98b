"""Smooth random fields that scale with the picture: drawn on a small raster, then enlarged."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

_RASTER = 128


def raster(shape: tuple[int, int]) -> tuple[int, int]:
    """Size of the small raster for a picture of `shape` (height, width): same aspect, long side at most 128."""
    scale = min(1.0, _RASTER / max(shape))
    return max(2, round(shape[0] * scale)), max(2, round(shape[1] * scale))


def grid(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Pixel centres as open arrays y (H, 1) and x (1, W), in half short sides from the middle of the picture."""
    half = min(shape) / 2
    y = (np.arange(shape[0], dtype=np.float32) - np.float32((shape[0] - 1) / 2)) / np.float32(half)
    x = (np.arange(shape[1], dtype=np.float32) - np.float32((shape[1] - 1) / 2)) / np.float32(half)
    return y[:, None], x[None, :]


def enlarge(field: Floats, shape: tuple[int, int]) -> Floats:
    """Interpolate `field` (h, w) bicubically to `shape` (H, W)."""
    from PIL import Image

    if field.shape == shape:
        return field
    picture = Image.fromarray(np.ascontiguousarray(field, np.float32))
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), np.float32)


def normalised(field: Floats) -> Floats:
    """Shift and scale to [0, 1]; a constant field becomes 0."""
    low, high = float(field.min()), float(field.max())
    return ((field - np.float32(low)) / np.float32(max(high - low, 1e-12))).astype(np.float32, copy=False)


def fractal_noise(
    shape: tuple[int, int], rng: np.random.Generator, *, cells: float, octaves: int, persistence: float
) -> Floats:
    """Value noise of `octaves` doublings, each `persistence` times as strong, in [0, 1].

    The first octave has `cells` lattice cells along the short side.
    """
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        scale = cells * 2**octave / min(shape)
        lattice = (math.ceil(shape[0] * scale) + 1, math.ceil(shape[1] * scale) + 1)
        values = rng.standard_normal(lattice, dtype=np.float32)
        total += np.float32(persistence**octave) * enlarge(values, shape)
    return normalised(total)


def with_mean(field: Floats, mean: float) -> Floats:
    """Raise a field in [0, 1] to the power (0.2 to 5) that brings its mean closest to `mean`."""
    sample = np.maximum(field[::2, ::2], np.float32(1e-6))
    low, high = math.log(0.2), math.log(5.0)
    for _ in range(12):
        middle = (low + high) / 2
        if float(np.mean(sample ** np.float32(math.exp(middle)))) > mean:
            low = middle
        else:
            high = middle
    return np.maximum(field, np.float32(0)) ** np.float32(math.exp((low + high) / 2))
