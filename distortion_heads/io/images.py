"""Paths, encoded bytes, PIL images and arrays to RGB images: uint8, (H, W, 3), C-contiguous.

Alpha is composited on white, EXIF orientation is applied, and an animation gives its first frame. ICC profiles are
left alone: pixels are judged as they are stored. EPS is not opened, because Pillow would run Ghostscript on it.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from PIL import Image, ImageFile

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import ImageTooLargeError, InputError, NotAnImageError
from distortion_heads.io.rgb import Depth, Loaded, held_bits, on_white, to_uint8, upright_rgb, where_transparent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    RGBImage: TypeAlias = NDArray[np.uint8]
    ImageSource: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | NDArray[Any]

DEFAULT_MAX_PIXELS = 250_000_000

_Result = TypeVar("_Result")

_NEVER_OPENED = frozenset({"EPS"})


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
    with _PILLOW_WARNINGS_HIDDEN:
        if isinstance(source, Image.Image):
            return _from_pillow(source, max_pixels)
        if isinstance(source, bytes):
            return _from_stream(io.BytesIO(source), max_pixels)
        if isinstance(source, str | os.PathLike):
            with _open_file(source) as stream:
                return _from_stream(stream, max_pixels)
    raise InputError(f"cannot read an image from {type(source).__name__}: give a path, bytes, a PIL image or an array")


def count_pixels(source: ImageSource) -> int:
    """Return width x height, by the header alone; 0 where `load_image` would fail."""
    if isinstance(source, np.ndarray):
        return int(source.shape[0] * source.shape[1]) if source.ndim >= 2 else 0
    try:
        with _PILLOW_WARNINGS_HIDDEN:
            if isinstance(source, Image.Image):
                return source.width * source.height
            with io.BytesIO(source) if isinstance(source, bytes) else _open_file(source) as stream:
                image = _identify(stream, stream.read(16), sys.maxsize)
                return image.width * image.height
    except Exception:  # whatever it is, `load_image` raises it
        return 0


class _PillowWarningsHidden:
    """Hides Pillow's warnings while at least one thread reads a picture.

    The filters are shared by all threads, so the first to enter saves them and the last to leave restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._saved = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._readers == 0:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._readers += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0:
                self._saved.__exit__(None, None, None)


_PILLOW_WARNINGS_HIDDEN = _PillowWarningsHidden()
_LIMIT_LOCK = threading.Lock()


def _beyond_pillows_limit(read: Callable[[], _Result], max_pixels: int) -> _Result:
    """Return `read()`, with the limit `max_pixels` instead of Pillow's.

    A few plugins (TIFF, WebP, GIF) compare with `Image.MAX_IMAGE_PIXELS` themselves, and that is shared by all threads.
    So it is changed only when one has refused, under a lock and for as long as that picture takes.
    """
    try:
        return read()
    except Image.DecompressionBombError:
        with _LIMIT_LOCK:
            saved, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
            try:
                return read()
            finally:
                Image.MAX_IMAGE_PIXELS = saved


def _open_file(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a regular file; anything else (a pipe, a device) could block or never end."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - one call for missing, folder and pipe
        if stat.S_ISREG(mode):
            return Path(path).open("rb")
    except FileNotFoundError:
        raise InputError("no such file") from None
    except OSError as error:
        raise _unreadable(error) from error
    except ValueError:  # a NUL character in the path
        raise InputError(f"not a valid path: {os.fspath(path)!r}") from None
    raise InputError("is a folder: give a picture" if stat.S_ISDIR(mode) else "is no regular file: give a picture")


def _unreadable(error: OSError) -> InputError:
    return InputError(f"cannot be read: {reason(error).lower()}")


def _from_stream(stream: IO[bytes], max_pixels: int) -> Loaded:
    try:
        prefix = stream.read(16)
    except OSError as error:
        raise _unreadable(error) from error
    if not prefix:
        raise NotAnImageError("not an image: it is empty")
    with _identify(stream, prefix, max_pixels) as image:
        return _from_pillow(image, max_pixels)


def _identify(stream: IO[bytes], prefix: bytes, max_pixels: int) -> ImageFile.ImageFile:
    """Read the header, without decoding pixels.

    In place of `Image.open`, which refuses every picture of more than twice `Image.MAX_IMAGE_PIXELS`. The few formats
    that Pillow loads first are tried first, since loading all takes longer than decoding a picture; among them first
    those that are known by the first bytes, as the others read on.
    """
    tried = set(_NEVER_OPENED)
    for load_formats in (Image.preinit, Image.init):
        load_formats()
        names = [name for name in Image.ID if name not in tried]
        for name in sorted(names, key=lambda name: Image.OPEN[name][1] is None):
            tried.add(name)
            if image := _open_as(name, stream, prefix, max_pixels):
                return image
    raise NotAnImageError("not an image: its content is of no format that Pillow reads")


def _open_as(name: str, stream: IO[bytes], prefix: bytes, max_pixels: int) -> ImageFile.ImageFile | None:
    """Return the picture if it is of the format `name`; raise if it is but its header is damaged."""
    factory, accept = Image.OPEN[name]

    def read_header() -> ImageFile.ImageFile:
        stream.seek(0)
        return factory(stream, "")

    try:
        verdict = accept is None or accept(prefix)
        if not verdict or isinstance(verdict, str):  # a text says what this installation of Pillow lacks
            return None
        return _beyond_pillows_limit(read_header, max_pixels)
    except (SyntaxError, IndexError, TypeError, struct.error) as error:  # how a plugin says: not mine
        if "truncated" in str(error).lower():
            raise _undecodable(name, error) from error
        return None
    except Exception as error:  # decoders raise anything on damaged bytes
        if accept is None:
            return None
        raise _undecodable(name, error) from error


def _undecodable(name: str | None, error: Exception) -> InputError:
    """Return the user's error for an exception raised while Pillow read a picture of the format `name`."""
    what = f"{name} file" if name else "picture"
    reason = _reason(error)
    if isinstance(error, MemoryError):
        return ImageTooLargeError(f"the {what} does not fit into memory: give a smaller picture")
    if isinstance(error, Image.DecompressionBombError):
        return ImageTooLargeError(f"{reason}: raise the limit with --max-pixels (max_pixels= in Python)")
    if isinstance(error, OSError) and error.errno is not None:
        return _unreadable(error)
    if isinstance(error, EOFError) or "truncated" in reason.lower():
        return NotAnImageError(f"truncated {what}: copy or download it again")
    return NotAnImageError(f"damaged or truncated {what}: {reason}")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _from_pillow(image: Image.Image, max_pixels: int) -> Loaded:
    _check_size(*image.size, max_pixels)
    try:
        _beyond_pillows_limit(image.load, max_pixels)
    except Exception as error:  # decoders raise anything on damaged bytes
        raise _undecodable(image.format, error) from error
    _check_size(*image.size, max_pixels)  # icons hold pictures of other sizes than their header says
    try:
        return upright_rgb(image)
    except InputError:
        raise
    except Exception as error:  # metadata, such as the transparent colour, may be damaged too
        raise InputError(f"cannot convert the picture from mode {image.mode} to RGB: {_reason(error)}") from error


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise InputError(f"the image has no pixels ({width} x {height})")
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"{width} x {height} = {width * height} pixels, above the limit of {max_pixels}: "
            "raise it with --max-pixels (max_pixels= in Python)"
        )


def _from_array(array: NDArray[Any], max_pixels: int) -> Loaded:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise InputError(f"an array of shape {array.shape}: give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    _check_size(array.shape[1], array.shape[0], max_pixels)
    depth = held_bits([array]) if array.dtype.kind == "u" and array.dtype.itemsize == 2 else Depth()
    pixels = to_uint8(depth.scaled(array))
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    if pixels.shape[2] == 4:
        alpha = where_transparent(pixels[..., 3].copy())
        return Loaded(pixels=np.array(on_white(Image.fromarray(pixels))), alpha=alpha, notes=depth.notes)
    return Loaded(pixels=np.array(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), order="C"), notes=depth.notes)
