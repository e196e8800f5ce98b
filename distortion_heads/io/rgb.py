"""Decoded pictures of any mode to upright RGB, uint8."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from distortion_heads.errors import InputError
from distortion_heads.io.icc import Gamut, gamut_of
from distortion_heads.io.still_color import tone_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ORIENTATION_TAG = 0x0112
_TURNED = frozenset({5, 6, 7, 8})
"""Orientations in which the file's rows are the picture's columns."""

OPAQUE, FULL = 255, 65535

DEPTHS = (8, 10, 12, 14)
"""Bits that cameras and scanners put into 16."""

_JUDGED_WHOLE = frozenset({"F", "I"})
"""Modes in which the range of all values decides what a value means."""

_STRIP_PIXELS = 1 << 20
"""Pixels that are converted at once: Pillow holds 4 bytes a pixel, and copies what it hands out twice."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Loaded:
    """A picture: `pixels` uint8 (H, W, 3), RGB; `alpha` uint8 (H, W), or None where nothing is transparent.

    `notes`: what was done to it, or left out, a line each.
    """

    pixels: NDArray[np.uint8]
    notes: tuple[str, ...] = ()
    alpha: NDArray[np.uint8] | None = None


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How many of 16 bits are in use, by the largest value, `peak`: 8, 10, 12, 14, or all."""

    bits: int = 16
    peak: int = FULL

    @property
    def notes(self) -> tuple[str, ...]:
        return () if self.bits == 16 else (f"values up to {self.peak} of {FULL}: read as {self.bits} bits and scaled",)

    def scaled(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return uint16 values on the whole scale."""
        if self.bits == 16:
            return values
        most = (1 << self.bits) - 1
        return ((values.astype(np.uint32) * FULL + most // 2) // most).astype(np.uint16)


def held_bits(strips: Iterable[NDArray[Any]]) -> Depth:
    """Say how many bits a picture of 16-bit values holds, from its strips.

    All, where it is black, or each value is 256 or 257 times another: those are 8 bits that were scaled already.
    """
    peak, is_scaled = 0, [True, True]
    for strip in strips:
        peak = max(peak, int(strip.max()))
        if peak >= 1 << DEPTHS[-1]:
            return Depth()
        is_scaled = [was and not (strip % factor).any() for was, factor in zip(is_scaled, (256, 257), strict=True)]
    if any(is_scaled):
        return Depth()
    return Depth(bits=next(bits for bits in DEPTHS if peak < 1 << bits), peak=peak)


def upright_rgb(image: Image.Image) -> Loaded:
    """Return a loaded picture, strip by strip, so that no second copy of a large one is made.

    Raises `InputError` for values out of range, and Pillow's own errors for damaged metadata.
    """
    orientation, depth, tone = _orientation(image), Depth(), tone_of(image)
    gamut = gamut_of(image) if tone.curve is None else Gamut()
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    if tone.curve is None and (image.mode == "I" or image.mode.startswith("I;16")):
        depth = held_bits(
            np.asarray(image.crop((0, top, width, min(top + rows, height)))) for top in range(0, height, rows)
        )
    if image.mode in _JUDGED_WHOLE:
        image = _rgb(image, depth)
    shape = (width, height) if orientation in _TURNED else (height, width)
    pixels = np.empty((*shape, 3), np.uint8)
    has_alpha = image.has_transparency_data and not image.mode.startswith("I;16")
    alpha = np.empty(shape, np.uint8) if has_alpha else None
    stored, stored_alpha = _as_stored(pixels, orientation), None if alpha is None else _as_stored(alpha, orientation)
    for top in range(0, height, rows):
        strip = image if rows >= height else image.crop((0, top, width, min(top + rows, height)))
        if stored_alpha is not None:
            strip = strip.convert("RGBA")
            stored_alpha[top : top + rows] = np.asarray(strip.getchannel("A"))
        stored[top : top + rows] = tone.in_sdr(np.asarray(_rgb(gamut.in_srgb(strip), depth)))
    return Loaded(pixels=pixels, alpha=where_transparent(alpha), notes=(*depth.notes, *gamut.notes, *tone.notes))


def where_transparent(alpha: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
    """Return `alpha`, or None where all of it is opaque."""
    return None if alpha is None or int(alpha.min()) == OPAQUE else alpha


def _as_stored(upright: NDArray[np.uint8], orientation: object) -> NDArray[np.uint8]:
    """Return a view of the upright picture with the pixels as they lie in the file (EXIF, orientation 1 to 8)."""
    if orientation in _TURNED:
        upright = upright.swapaxes(0, 1)
    if orientation in (3, 4, 6, 7):
        upright = upright[::-1]
    return upright[:, ::-1] if orientation in (2, 3, 7, 8) else upright


def _orientation(image: Image.Image) -> object:
    """Return the EXIF orientation of a loaded image (some formats read EXIF as they decode); None if damaged."""
    try:
        return image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # EXIF is as untrusted as the pixels, but the picture does not depend on it
        return None


def _rgb(image: Image.Image, depth: Depth) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray(to_uint8(depth.scaled(np.asarray(image)))).convert("RGB")
    if image.mode == "I":
        return Image.fromarray(to_uint8(depth.scaled(_sixteen_bit(np.asarray(image))))).convert("RGB")
    if image.mode == "F":
        values = np.asarray(image)
        if values.max() > 2:  # not 1: a picture in [0, 1] may overshoot a little
            values = values / np.float32(255)
        return Image.fromarray(to_uint8(values)).convert("RGB")
    if image.has_transparency_data:
        return on_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def on_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _sixteen_bit(values: NDArray[np.int32]) -> NDArray[np.uint16]:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise InputError(f"integer values from {low} to {high}: give 16 bits, 0 to 65535")
    return values.astype(np.uint16)


def to_uint8(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Round uint8, uint16 or floats in [0, 1] to uint8; raise `InputError` for all others."""
    if values.dtype.kind == "u" and values.dtype.itemsize == 1:
        return values.astype(np.uint8, copy=False)
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if values.dtype.kind != "f":
        raise InputError(f"an array of {values.dtype}: give uint8, uint16 or floats in [0, 1]")
    if not np.isfinite(values).all():
        raise InputError("NaN or infinite values: give floats in [0, 1]")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        raise InputError(f"float values from {low:g} to {high:g}: give floats in [0, 1], or uint8")
    return np.rint(values * np.float32(255)).astype(np.uint8)
