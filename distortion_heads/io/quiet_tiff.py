"""Keep libtiff from writing to stderr itself: its lines do not say which file they are about, and our error does."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDERS = ("../pillow.libs", "../Pillow.libs", ".dylibs")
"""Where wheels of Pillow have their libraries, seen from the package."""


@cache
def silence_libtiff() -> None:
    """Take away the handler that prints errors, once; a Pillow that is built otherwise is left as it is."""
    import ctypes

    import PIL

    package = Path(PIL.__file__).parent
    for library in (found for folder in _FOLDERS for found in (package / folder).glob("libtiff*")):
        try:
            loaded = ctypes.CDLL(str(library))  # the one that Pillow has loaded, or will
            for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
                handler = getattr(loaded, name)
                handler.restype, handler.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
                handler(None)
        except (OSError, AttributeError):
            continue
