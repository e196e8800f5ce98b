"""Limits of what a small picture file costs: few bytes can stand for hundreds of megapixels, or thousands of passes."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

from distortion_heads.errors import ImageTooLargeError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

SMALL_BYTES = 1 << 20
"""Files below this are bounded; larger ones cost their owner as much to make as to read."""

SMALL_SHARE = 8
"""A small file may have this part of the pixels that are allowed: 31 million by default."""

MOST_SCANS = 100
"""Passes over as many pixels as are allowed; the scans of a progressive JPEG each go over all of its."""

DEFAULT_MAX_PIXELS = 250_000_000
LEAST_SIDE = 256
"""The side of a window, to which a thinner picture is padded."""

_START_OF_SCAN = b"\xff\xda"
_BLOCK = 1 << 20
_RAISE = "raise it with --max-pixels (max_pixels= in Python)"


def check_cost(stream: IO[bytes], image: ImageFile, max_pixels: int) -> None:
    """Raise `ImageTooLargeError` for a small file of a large picture, and for a JPEG of too many scans.

    By the header and the bytes alone; `stream` stays where it was. What is above `max_pixels`, `check_size` refuses.
    """
    if image.width * image.height > max_pixels:
        return
    place = stream.tell()
    size = stream.seek(0, os.SEEK_END)
    most = max(max_pixels, DEFAULT_MAX_PIXELS)
    check_padded(*image.size, most)
    what = f"{image.width} x {image.height} pixels"
    if size < SMALL_BYTES and padded_pixels(*image.size) > most // SMALL_SHARE:
        raise ImageTooLargeError(
            f"{what} out of {size / 1024:.1f} KiB, above the limit of {most // SMALL_SHARE} for files below 1 MiB: "
            f"{_RAISE}"
        )
    if image.format in ("JPEG", "MPO"):
        scans = _count(stream, _START_OF_SCAN)
        if scans * image.width * image.height > MOST_SCANS * most:
            raise ImageTooLargeError(f"{scans} scans of {what}, above the limit of {MOST_SCANS} times {most}: {_RAISE}")
    stream.seek(place)


def check_padded(width: int, height: int, max_pixels: int) -> None:
    """Raise `ImageTooLargeError` if a thin picture is too large once it is padded to whole windows."""
    if padded_pixels(width, height) > max(max_pixels, DEFAULT_MAX_PIXELS):
        raise ImageTooLargeError(
            f"{width} x {height} is {max(width, LEAST_SIDE)} x {max(height, LEAST_SIDE)} once padded to whole windows, "
            f"over the limit of {max_pixels} pixels: {_RAISE}"
        )


def padded_pixels(width: int, height: int) -> int:
    """Return the pixels of a picture once it is padded to whole windows."""
    return max(width, LEAST_SIDE) * max(height, LEAST_SIDE)


def _count(stream: IO[bytes], mark: bytes) -> int:
    """Return how often two bytes are in a stream."""
    stream.seek(0)
    count, last = 0, b""
    while block := stream.read(_BLOCK):
        count += (last + block).count(mark)
        last = block[-1:]
    return count
