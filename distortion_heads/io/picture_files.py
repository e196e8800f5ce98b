"""Picture files to opened pictures: the format is told by content, and every limit holds before anything is decoded.

EPS is not opened, because Pillow would run Ghostscript on it.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

from PIL import Image, ImageFile

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import ImageTooLargeError, InputError, NotAnImageError
from distortion_heads.io.content import HEIF, content_of
from distortion_heads.io.heif import open_heif
from distortion_heads.io.quiet_tiff import silence_libtiff
from distortion_heads.io.still_color import CODING, read_coding

_Result = TypeVar("_Result")

_NEVER_OPENED = frozenset({"EPS"})

_CLOSING = frozenset({"FTEX"})
"""Formats whose readers close the file, which is wanted for more than one reading."""


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


PILLOW_WARNINGS_HIDDEN = _PillowWarningsHidden()
_LIMIT_LOCK = threading.Lock()


def beyond_pillows_limit(read: Callable[[], _Result], max_pixels: int) -> _Result:
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


def open_file(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a regular file; anything else (a pipe, a device) could block or never end."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - one call for missing, folder and pipe
        if stat.S_ISREG(mode):
            return Path(path).open("rb")
    except FileNotFoundError:
        raise InputError("no such file") from None
    except OSError as error:
        raise unreadable(error) from error
    except ValueError:  # a NUL character in the path
        raise InputError(f"not a valid path: {os.fspath(path)!r}") from None
    raise InputError("is a folder: give a picture" if stat.S_ISDIR(mode) else "is no regular file: give a picture")


def unreadable(error: OSError) -> InputError:
    return InputError(f"cannot be read: {reason(error).lower()}")


def identify(stream: IO[bytes], prefix: bytes, max_pixels: int) -> ImageFile.ImageFile:
    """Read the header, without decoding pixels; `info` says how the colours are coded (`still_color.CODING`).

    In place of `Image.open`, which refuses every picture of more than twice `Image.MAX_IMAGE_PIXELS`. The few formats
    that Pillow loads first are tried first, since loading all takes longer than decoding a picture; among them first
    those that are known by the first bytes, as the others read on.
    """
    content = content_of(stream)
    if content is not None and content.kind != "picture":
        raise NotAnImageError(f"{'cannot be read here' if content.kind == 'unread' else 'not an image'}: {content}")
    coding = read_coding(stream)
    image = open_heif(stream) if content is not None and content.name == HEIF else _open(stream, prefix, max_pixels)
    if image is not None:
        image.info[CODING] = coding
        return image
    if content is not None:
        raise NotAnImageError(f"{content} that is damaged, or of a kind that Pillow does not read")
    raise NotAnImageError("not an image: its content is of no format that Pillow reads")


def _open(stream: IO[bytes], prefix: bytes, max_pixels: int) -> ImageFile.ImageFile | None:
    tried = set(_NEVER_OPENED)
    for load_formats in (Image.preinit, Image.init):
        load_formats()
        names = [name for name in Image.ID if name not in tried]
        for name in sorted(names, key=lambda name: Image.OPEN[name][1] is None):
            tried.add(name)
            if image := _open_as(name, stream, prefix, max_pixels):
                if name == "TIFF":
                    silence_libtiff()
                if len(image.size) != 2:
                    raise NotAnImageError(f"not an image: a {name} file of {len(image.size)} dimensions")
                return image
    return None


def _open_as(name: str, stream: IO[bytes], prefix: bytes, max_pixels: int) -> ImageFile.ImageFile | None:
    """Return the picture if it is of the format `name`; raise if it is but its header is damaged."""
    factory, accept = Image.OPEN[name]

    def read_header() -> ImageFile.ImageFile:
        stream.seek(0)
        return factory(io.BytesIO(stream.read()) if name in _CLOSING else stream, "")

    try:
        verdict = accept is None or accept(prefix)
        if not verdict or isinstance(verdict, str):  # a text says what this installation of Pillow lacks
            return None
        return beyond_pillows_limit(read_header, max_pixels)
    except (SyntaxError, IndexError, TypeError, struct.error) as error:  # how a plugin says: not mine
        if "truncated" in str(error).lower():
            raise undecodable(name, error) from error
        return None
    except Exception as error:  # decoders raise anything on damaged bytes
        if accept is None:
            return None
        raise undecodable(name, error) from error


def undecodable(name: str | None, error: Exception) -> InputError:
    """Return the user's error for an exception raised while Pillow read a picture of the format `name`."""
    what = f"{name} file" if name else "picture"
    text = one_line(error)
    if isinstance(error, MemoryError):
        return ImageTooLargeError(f"the {what} does not fit into memory: give a smaller picture")
    if isinstance(error, Image.DecompressionBombError):
        return ImageTooLargeError(f"{text}: raise the limit with --max-pixels (max_pixels= in Python)")
    if isinstance(error, OSError) and error.errno is not None:
        return unreadable(error)
    if isinstance(error, EOFError) or "truncated" in text.lower():
        return NotAnImageError(f"truncated {what}: copy or download it again")
    unmade = text == "could not create decoder object"  # all that libwebp says
    return NotAnImageError(f"damaged or truncated {what}{', or too large for the memory' * unmade}: {text}")


def one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def check_size(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise InputError(f"the image has no pixels ({width} x {height})")
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"{width} x {height} = {width * height} pixels, above the limit of {max_pixels}: "
            "raise it with --max-pixels (max_pixels= in Python)"
        )
