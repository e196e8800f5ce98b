"""HDR curves (PQ, HLG) and the wide gamut of BT.2020 to what an SDR screen shows: sRGB, uint8.

Light is made linear, with 1 at 203 cd/m2, the white of graphics in HDR (ITU-R BT.2408); turned from the primaries of
BT.2020 into those of BT.709; kept as it is up to `KNEE` and above it bent towards 1, without a kink and by the largest
of the three colours, so that hues stay; and encoded as sRGB.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Curve: TypeAlias = Literal["pq", "hlg", "bt2020"]

CURVES: Mapping[Curve, str] = {
    "pq": "HDR (PQ, SMPTE ST 2084): tone-mapped to SDR before it was judged",
    "hlg": "HDR (HLG, ARIB STD-B67): tone-mapped to SDR before it was judged",
    "bt2020": "wide gamut (BT.2020): converted to BT.709 before it was judged",
}

KNEE = 0.75
_WHITE, _HLG_PEAK, _HLG_GAMMA = 203.0, 1000.0, 1.2
"""cd/m2 of SDR white and of the brightest HLG; the latter's system gamma (ITU-R BT.2100)."""

PQ, HLG, BT2020 = 16, 18, 9
"""Transfers and primaries of ITU-T H.273."""

_TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)
_STEPS = 1 << 14
_STRIP = 1 << 18
"""Pixels at once: in float32 a whole frame of 8K would take a gigabyte."""


def curve_of(transfer: int, primaries: int) -> Curve | None:
    """Return what a frame with these numbers of ITU-T H.273 has to be converted from, if from anything."""
    if transfer == PQ:
        return "pq"
    if transfer == HLG:
        return "hlg"
    return "bt2020" if primaries == BT2020 else None


def to_sdr(pixels: NDArray[np.uint16], curve: Curve) -> NDArray[np.uint8]:
    """Convert uint16 RGB (H, W, 3), full range, of BT.2020 primaries to uint8 sRGB."""
    result = np.empty(pixels.shape, np.uint8)
    rows = max(1, _STRIP // pixels.shape[1])
    for top in range(0, len(pixels), rows):
        result[top : top + rows] = _strip(pixels[top : top + rows], curve)
    return result


def _strip(pixels: NDArray[np.uint16], curve: Curve) -> NDArray[np.uint8]:
    light = _linear(curve)[pixels]
    if curve == "hlg":  # the screen's gamma is on the luminance
        luminance = np.maximum(light @ _LUMA, 1e-6)
        light *= (_HLG_PEAK / _WHITE) * luminance[..., np.newaxis] ** np.float32(_HLG_GAMMA - 1)
    light = np.maximum(light @ _TO_BT709.T, 0)
    if curve != "bt2020":
        brightest = np.maximum(light.max(axis=-1, keepdims=True), KNEE)
        bent = KNEE + (1 - KNEE) * -np.expm1(-(brightest - KNEE) / (1 - KNEE))
        light *= bent / brightest
    place = np.sqrt(np.minimum(light, 1)) * (_STEPS - 1) + 0.5
    codes: NDArray[np.uint8] = _encoded()[place.astype(np.int16)]
    return codes


@cache
def _linear(curve: Curve) -> NDArray[np.float32]:
    """Return the light of each of the 65536 values of a sample; that of HLG is the scene's, 0 to 1."""
    value = np.linspace(0, 1, 65536)
    if curve == "pq":
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = value ** (1 / m2)
        light = 10000 / _WHITE * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    elif curve == "hlg":
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
    else:
        light = value**2.4  # a reference screen's (ITU-R BT.1886)
    return light.astype(np.float32)


@cache
def _encoded() -> NDArray[np.uint8]:
    """Return the sRGB code of the square root of light, in `_STEPS` steps from 0 to 1."""
    light = np.linspace(0, 1, _STEPS) ** 2
    code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    codes: NDArray[np.uint8] = np.rint(255 * code).astype(np.uint8)
    return codes
