"""Properties of a file besides what it shows: codec, quality, mode, size, depth, camera, mean light."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads._system.threads import helpers, usable_cores
from distortion_heads.datasets.clean_pictures import reduced_picture
from distortion_heads.errors import DheadsError
from distortion_heads.io.image_hashes import is_video
from distortion_heads.io.images import DEFAULT_MAX_PIXELS, read_header
from distortion_heads.io.video.container import open_container

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile

LOSSLESS = frozenset(("PNG", "BMP", "DIB", "PPM", "GIF", "TGA", "SGI", "QOI", "PCX", "PSD", "WebP, lossless"))
JPEG = frozenset(("JPEG", "MPO"))

GREY_SLACK = 2
"""Levels by which the channels of a picture may differ that is still grey: codecs leave that much."""

_LUMINANCE_SUM = 3688
"""Sum of the 64 entries of the luminance table of JPEG, Annex K, which quality 50 stores as it is."""

_MAKE, _MODEL = 271, 272
_DEEP = {"I;16": 16, "I;16B": 16, "I;16L": 16, "I;16N": 16, "I": 16, "F": 32, "1": 1}


@dataclass(frozen=True, kw_only=True)
class Properties:
    """Properties of a file; `quality` of JPEG, as libjpeg counts it; `camera` of EXIF, empty where it says none.

    `mode`: "grey" (as the pixels are, however they are stored), "palette" or "colour". `light`: mean of the pixels, 0
    to 255.
    """

    suffix: str
    codec: str
    width: int
    height: int
    quality: int | None = None
    mode: str = "colour"
    depth: int = 8
    camera: str = ""
    light: float | None = None

    @property
    def side(self) -> float:
        """Return the side in pixels of a square as large."""
        return float(np.sqrt(self.width * self.height))


def read_all_properties(paths: Sequence[Path], max_pixels: int = DEFAULT_MAX_PIXELS) -> list[Properties | None]:
    """Return the properties of every file; None where one cannot be read."""
    with helpers(usable_cores(), "read") as pool:
        return list(pool.map(lambda path: read_properties(path, max_pixels=max_pixels), paths))


def read_properties(
    path: Path, pixels: NDArray[np.uint8] | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Properties | None:
    """Return the properties of a file whose decoded `pixels` (H, W, 3) may be known; None if it cannot be read.

    The pixels of a video are not decoded for this.
    """
    if is_video(path):
        found = _of_video(path)
    else:
        try:
            found = read_header(path, lambda image: _of_header(image, path))
            pixels = reduced_picture(path, max_pixels) if pixels is None else pixels
        except DheadsError:
            return None
    return found if found is None or pixels is None else _with_pixels(found, pixels)


def _of_header(image: ImageFile, path: Path) -> Properties:
    name = image.format or "unknown"
    if name == "WEBP":
        name = "WebP, lossless" if _is_lossless_webp(path) else "WebP"
    camera = ""
    with suppress(Exception):  # EXIF is as untrusted as the pixels
        exif = image.getexif()
        camera = " ".join(str(exif[tag]).strip("\0 ") for tag in (_MAKE, _MODEL) if tag in exif)
    return Properties(
        suffix=path.suffix.lower(),
        codec=name,
        width=image.width,
        height=image.height,
        quality=_jpeg_quality(getattr(image, "quantization", None)),
        mode="palette" if image.mode == "P" else "colour",
        depth=_DEEP.get(image.mode, 8),
        camera=" ".join(camera.split())[:60],
    )


def _is_lossless_webp(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as stream:
        start = stream.read(4096)
        return b"VP8L" in start and b"VP8 " not in start
    return False


def _jpeg_quality(tables: object) -> int | None:
    """Return the quality that the luminance table stands for, 1 to 100, by its sum."""
    if not isinstance(tables, dict) or 0 not in tables or len(tables[0]) != 64:
        return None
    scale = 100 * sum(tables[0]) / _LUMINANCE_SUM
    return int(np.clip(round(100 - scale / 2 if scale <= 100 else 5000 / scale), 1, 100))


def _of_video(path: Path) -> Properties | None:
    try:
        with open_container(path) as video:
            stream = video.streams.video[0]
            codec = f"{stream.codec_context.name} video"
            return Properties(suffix=path.suffix.lower(), codec=codec, width=stream.width, height=stream.height)
    except Exception:  # FFmpeg's errors are of many kinds, and who decodes the file says what is wrong
        return None


def _with_pixels(found: Properties, pixels: NDArray[np.uint8]) -> Properties:
    every = max(1, int(np.sqrt(pixels.shape[0] * pixels.shape[1]) / 256))
    sample = pixels[::every, ::every].astype(np.int16)
    grey = int(np.ptp(sample, axis=2).max()) <= GREY_SLACK
    return replace(found, mode="grey" if grey else found.mode, light=float(sample.mean()))
