"""HEIC pictures, through the package that reads them."""

from __future__ import annotations

from importlib import import_module
from typing import IO, cast

from PIL import ImageFile

from distortion_heads.errors import NotAnImageError
from distortion_heads.io.content import heif_reader


def open_heif(stream: IO[bytes]) -> ImageFile.ImageFile:
    """Read the header of a HEIC picture, upright and with its tiles joined. Raises `NotAnImageError`."""
    package = heif_reader()
    if package is None:
        raise NotAnImageError("not an image: a HEIC picture: run `pip install pi-heif`, which reads it, or convert it")
    try:
        stream.seek(0)
        return cast(ImageFile.ImageFile, import_module(package).HeifImageFile(stream, ""))
    except Exception as error:  # decoders raise anything on damaged bytes
        raise NotAnImageError(f"damaged or truncated HEIF file: {' '.join(str(error).split())}") from error
