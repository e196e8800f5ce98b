"""Paths, encoded bytes, PIL images and arrays to RGB images: uint8, (H, W, 3), C-contiguous.

Alpha is composited on white, EXIF orientation is applied, and of several pages or frames the first is taken, with a
note. RGB whose ICC profile is another than sRGB is converted to sRGB; profiles of grey and CMYK are left alone.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from PIL import Image

from distortion_heads.errors import InputError, NotAnImageError
from distortion_heads.io.frames import Page, pages_of
from distortion_heads.io.picture_files import (
    PILLOW_WARNINGS_HIDDEN,
    beyond_pillows_limit,
    check_size,
    identify,
    one_line,
    open_file,
    undecodable,
    unreadable,
)
from distortion_heads.io.rgb import Depth, Loaded, held_bits, on_white, to_uint8, upright_rgb, where_transparent
from distortion_heads.io.small_files import DEFAULT_MAX_PIXELS as DEFAULT_MAX_PIXELS
from distortion_heads.io.small_files import check_cost
from distortion_heads.io.time_limit import TimeLimit

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import ImageFile

    RGBImage: TypeAlias = NDArray[np.uint8]
    ImageSource: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | Page | NDArray[Any]

_Result = TypeVar("_Result")


def load_image(source: ImageSource, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> RGBImage:
    """Return `source` as a new uint8 array (H, W, 3), RGB.

    Arrays: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); uint8, uint16 (65535 -> 255) or floating point in [0, 1].
    Of 16-bit values that all fit into 8, 10, 12 or 14 bits the largest of those is 255.
    A PIL image gives the frame that it stands at. Pictures of mode I hold 16-bit values; those of mode F hold values
    in [0, 1], or in [0, 255] if one exceeds 2. `max_pixels` limits width x height, and is compared with the header
    before anything is decoded, in place of Pillow's own `Image.MAX_IMAGE_PIXELS`.

    Raises `NotAnImageError` if the bytes are no (whole) picture, `ImageTooLargeError` above `max_pixels`, `InputError`
    for all else that is wrong with `source`.
    """
    return load_image_with_notes(source, max_pixels=max_pixels).pixels


def load_image_with_notes(source: ImageSource, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Loaded:
    """`load_image`, with what is to be said of the picture and where it is transparent."""
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    if isinstance(source, Page):
        return source.result
    with PILLOW_WARNINGS_HIDDEN:
        if isinstance(source, Image.Image):
            return from_pillow(source, max_pixels)
        if isinstance(source, bytes):
            return _from_stream(io.BytesIO(source), max_pixels)
        if isinstance(source, str | os.PathLike):
            with open_file(source) as stream:
                return _from_stream(stream, max_pixels)
    raise InputError(f"cannot read an image from {type(source).__name__}: give a path, bytes, a PIL image or an array")


def count_pixels(source: ImageSource) -> int:
    """Return width x height, by the header alone; 0 where `load_image` would fail."""
    if isinstance(source, np.ndarray):
        return int(source.shape[0] * source.shape[1]) if source.ndim >= 2 else 0
    try:
        if isinstance(source, Page):
            return source.result.pixels[..., 0].size
        with PILLOW_WARNINGS_HIDDEN:
            if isinstance(source, Image.Image):
                return source.width * source.height
            with io.BytesIO(source) if isinstance(source, bytes) else open_file(source) as stream:
                image = identify(stream, stream.read(16), sys.maxsize)
                return image.width * image.height
    except Exception:  # whatever it is, `load_image` raises it
        return 0


def read_header(path: str | os.PathLike[str], read: Callable[[ImageFile.ImageFile], _Result]) -> _Result:
    """Return what `read` makes of a picture of which only the header was read. Raises `InputError`."""
    with PILLOW_WARNINGS_HIDDEN, open_file(path) as stream, identify(stream, stream.read(16), sys.maxsize) as image:
        return read(image)


def _from_stream(stream: IO[bytes], max_pixels: int) -> Loaded:
    try:
        prefix = stream.read(16)
    except OSError as error:
        raise unreadable(error) from error
    if not prefix:
        raise NotAnImageError("not an image: it is empty")
    limit = TimeLimit(stream.seek(0, os.SEEK_END))
    image = identify(stream, prefix, max_pixels)
    check_cost(stream, image, max_pixels)
    try:
        count = len(pages_of(image))
    except Exception:  # decoders raise anything on damaged bytes; the first page may be sound
        count, image = 1, identify(stream, prefix, max_pixels)
    with image:
        limit.check()
        loaded = from_pillow(image, max_pixels)
        limit.check()
    note = f"page 1 of {count}: --pages all reads every page"
    return loaded if count == 1 else replace(loaded, notes=(*loaded.notes, note))


def from_pillow(image: Image.Image, max_pixels: int) -> Loaded:
    """Decode an opened picture, or take the frame that a PIL image stands at. Raises `InputError`."""
    check_size(*image.size, max_pixels)
    try:
        beyond_pillows_limit(image.load, max_pixels)
    except Exception as error:  # decoders raise anything on damaged bytes
        raise undecodable(image.format, error) from error
    check_size(*image.size, max_pixels)  # icons hold pictures of other sizes than their header says
    try:
        return upright_rgb(image)
    except InputError:
        raise
    except Exception as error:  # metadata, such as the transparent colour, may be damaged too
        raise InputError(f"cannot convert the picture from mode {image.mode} to RGB: {one_line(error)}") from error


def _from_array(array: NDArray[Any], max_pixels: int) -> Loaded:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise InputError(f"an array of shape {array.shape}: give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    check_size(array.shape[1], array.shape[0], max_pixels)
    depth = held_bits([array]) if array.dtype.kind == "u" and array.dtype.itemsize == 2 else Depth()
    pixels = to_uint8(depth.scaled(array))
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    if pixels.shape[2] == 4:
        alpha = where_transparent(pixels[..., 3].copy())
        return Loaded(pixels=np.array(on_white(Image.fromarray(pixels))), alpha=alpha, notes=depth.notes)
    return Loaded(pixels=np.array(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), order="C"), notes=depth.notes)
