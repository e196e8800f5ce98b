"""Decoded pictures of any mode to upright RGB, uint8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from distortion_heads.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ORIENTATION_TAG = 0x0112
_TURNED = frozenset({5, 6, 7, 8})
"""Orientations in which the file's rows are the picture's columns."""

_JUDGED_WHOLE = frozenset({"F", "I"})
"""Modes in which the range of all values decides what a value means."""

_STRIP_PIXELS = 1 << 20
"""Pixels that are converted at once: Pillow holds 4 bytes a pixel, and copies what it hands out twice."""


def upright_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Return a loaded picture as a new (H, W, 3), strip by strip, so that no second copy of a large one is made.

    Raises `InputError` for values out of range, and Pillow's own errors for damaged metadata.
    """
    orientation = _orientation(image)
    if image.mode in _JUDGED_WHOLE:
        image = _rgb(image)
    width, height = image.size
    pixels = np.empty((width, height, 3) if orientation in _TURNED else (height, width, 3), np.uint8)
    stored = _as_stored(pixels, orientation)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = image if rows >= height else image.crop((0, top, width, min(top + rows, height)))
        stored[top : top + rows] = np.asarray(_rgb(strip))
    return pixels


def _as_stored(upright: NDArray[np.uint8], orientation: object) -> NDArray[np.uint8]:
    """Return a view of the upright picture with the pixels as they lie in the file (EXIF, orientation 1 to 8)."""
    if orientation in _TURNED:
        upright = upright.transpose(1, 0, 2)
    if orientation in (3, 4, 6, 7):
        upright = upright[::-1]
    return upright[:, ::-1] if orientation in (2, 3, 7, 8) else upright


def _orientation(image: Image.Image) -> object:
    """Return the EXIF orientation of a loaded image (some formats read EXIF as they decode); None if damaged."""
    try:
        return image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # EXIF is as untrusted as the pixels, but the picture does not depend on it
        return None


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray(to_uint8(np.asarray(image))).convert("RGB")
    if image.mode == "I":
        return Image.fromarray(to_uint8(_sixteen_bit(np.asarray(image)))).convert("RGB")
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
