"""Random fields that the noise distortions share. All randomness comes from the caller's generator."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

_CODES = 1 << 16


@lru_cache(maxsize=1)
def _normal_quantiles() -> FloatImage:
    """The 65,536 equally probable values of the standard normal distribution."""
    from scipy.special import ndtri

    table: FloatImage = ndtri((np.arange(_CODES) + 0.5) / _CODES).astype(np.float32)
    table.flags.writeable = False
    return table


def gaussian(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatImage:
    """Independent standard normal samples, float32, cut at 4.3 standard deviations.

    Looked up by a 16-bit code: six times as fast as `Generator.standard_normal`, and far finer than an 8-bit picture.
    """
    return _normal_quantiles().take(rng.integers(0, _CODES, shape, dtype=np.uint16))


def draw_correlation(rng: np.random.Generator) -> float:
    """Correlation of the noise between the channels: 0 (colour noise) mostly, 1 (grey noise) or between sometimes."""
    kind = rng.random()
    if kind < 0.6:
        return 0.0
    return 1.0 if kind < 0.8 else float(rng.random())


def channel_noise(rng: np.random.Generator, height: int, width: int, correlation: float) -> FloatImage:
    """Standard normal noise, (height, width, 3), or (height, width, 1) where all channels share it."""
    if correlation >= 1.0:
        return gaussian(rng, (height, width, 1))
    colour = gaussian(rng, (height, width, 3))
    if correlation <= 0.0:
        return colour
    grey = gaussian(rng, (height, width, 1))
    return np.float32(correlation**0.5) * grey + np.float32((1.0 - correlation) ** 0.5) * colour


def add_clipped(image: FloatImage, noise: FloatImage) -> FloatImage:
    """`image + noise`, clipped to [0, 1]; `noise` is broadcast over the channels."""
    noisy = image + noise
    return np.clip(noisy, 0.0, 1.0, out=noisy)
