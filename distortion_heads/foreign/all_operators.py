"""Every operator of every library that is there."""

from __future__ import annotations

from distortion_heads.errors import MissingExtraError
from distortion_heads.foreign import (
    corruptions,
    ffmpeg,
    imagemagick,
    kornia,
    opencv,
    pillow,
    skimage,
    torchvision,
)
from distortion_heads.foreign.base import ForeignOperator


def all_operators() -> tuple[tuple[ForeignOperator, ...], tuple[str, ...]]:
    """Return every operator, and a sentence on whatever this machine lacks.

    Raises `MissingExtraError` if a library of the extra `bench` is not installed.
    """
    magick, problem = imagemagick.operators()
    try:
        found = (
            *corruptions.operators(),
            *opencv.operators(),
            *skimage.operators(),
            *kornia.operators(),
            *torchvision.operators(),
            *pillow.operators(),
            *ffmpeg.operators(),
            *magick,
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"dheads bench foreign (it lacks {error.name})", extra="bench") from None
    absent = [f"FFmpeg in this PyAV has no coder {name}" for name in ffmpeg.absent()]
    return found, (*absent, *([problem] if problem else []))
