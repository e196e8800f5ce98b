"""Tone curves on RGB, lightness or HSV value; exposure. Arrays are float32, images HWC RGB in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from distortion_heads.synthesis.tone import Floats, clip01, to_encoded, to_linear

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

Curve: TypeAlias = Callable[[Floats], Floats]

# IEC 61966-2-1, linear sRGB -> XYZ (D65), and back.
_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
# CIE 15: f(t) = cbrt(t) above (6/29)^3, a straight line below.
_KNEE = 6 / 29


def map_lightness(image: FloatImage, curve: Curve) -> FloatImage:
    """Replace L*/100 by `curve(L*/100)` at constant a*, b* (CIE 15); colours that leave the gamut are clipped."""
    to_xyz = np.array(_TO_XYZ, np.float64)
    to_xyz /= to_xyz.sum(axis=1, keepdims=True)  # relative to the white point
    from_xyz = np.linalg.inv(to_xyz).astype(np.float32)
    height, width, _ = image.shape
    planes = np.ascontiguousarray(image.reshape(-1, 3).T)
    xyz = to_xyz.astype(np.float32) @ to_linear(planes)
    f = np.where(xyz > _KNEE**3, np.cbrt(xyz), xyz / np.float32(3 * _KNEE**2) + np.float32(4 / 29))
    lightness = np.float32(1.16) * f[1] - np.float32(0.16)
    changed = curve(lightness.reshape(height, width)).reshape(-1)
    f += (changed - lightness) / np.float32(1.16)  # a* and b* are differences of the three f: an equal step keeps both
    xyz = np.where(f > _KNEE, f * f * f, np.float32(3 * _KNEE**2) * (f - np.float32(4 / 29)))
    planes = to_encoded(from_xyz @ xyz)
    return clip01(np.ascontiguousarray(planes.T).reshape(height, width, 3))


def map_value(image: FloatImage, curve: Curve) -> FloatImage:
    """Replace V = max(R, G, B) of HSV by `curve(V)`, at constant hue and saturation."""
    value = image.max(axis=2, keepdims=True)
    return clip01(image * (curve(value) / np.maximum(value, np.float32(1e-6))))


def map_rgb(image: FloatImage, curve: Curve) -> FloatImage:
    """Apply `curve` to each channel."""
    return clip01(curve(image))


def map_two_thirds_rgb(image: FloatImage, curve: Curve) -> FloatImage:
    """Two thirds of `map_rgb` and one third of `map_lightness`: how KADID-10k brightens."""
    return clip01((2 * map_rgb(image, curve) + map_lightness(image, curve)) / np.float32(3))


def parabola(amount: float) -> Curve:
    """The parabola through (0, 0), (0.5, 0.5 + amount / 2), (1, 1), limited to [0, 1] (KADID-10k types 16 and 17)."""
    return lambda x: clip01(x + np.float32(2 * amount) * x * (1 - x))


def power_law(amount: float) -> Curve:
    """A gamma curve that agrees with `parabola(amount)` for small amounts and saturates for large ones."""
    middle = 1 - 0.5 * math.exp(-amount) if amount > 0 else 0.5 * math.exp(amount)
    exponent = np.float32(math.log(middle) / math.log(0.5))
    return lambda x: np.maximum(x, np.float32(0)) ** exponent


def expose(image: FloatImage, stops: float) -> FloatImage:
    """Multiply linear light by 2**stops; the result, sRGB-encoded, is not limited to 1."""
    return to_encoded(to_linear(image) * np.float32(2.0**stops))
