"""Encoded values and linear light (sRGB), limits and weighted draws. Arrays are float32, images HWC RGB in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
T = TypeVar("T")

LUMA: Floats = np.array([0.299, 0.587, 0.114], np.float32)
"""Parts of R, G and B in the luma (ITU-R BT.601)."""


def pick(rng: np.random.Generator, options: Sequence[tuple[float, T]]) -> T:
    """Draw one of `(weight, option)`; the weights need not sum to 1."""
    point = rng.random() * sum(weight for weight, _ in options)
    for weight, option in options:
        point -= weight
        if point < 0:
            return option
    return options[-1][1]


def clip01(values: Floats) -> Floats:
    """Limit to [0, 1], as float32."""
    return np.clip(values, 0.0, 1.0).astype(np.float32, copy=False)


def to_linear(encoded: Floats) -> Floats:
    """SRGB-encoded values >= 0 -> linear light (IEC 61966-2-1)."""
    power: Floats = ((encoded + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(encoded > 0.04045, power, encoded / np.float32(12.92))


def to_encoded(linear: Floats) -> Floats:
    """Linear light -> sRGB-encoded values (IEC 61966-2-1); negative light becomes 0, values above 1 stay above 1."""
    light = np.maximum(linear, np.float32(0))
    power: Floats = np.float32(1.055) * light ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(light > 0.0031308, power, light * np.float32(12.92))
