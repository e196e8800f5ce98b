"""Hand a distorted picture on: nearly every picture in the world was resized and stored as JPEG since."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from distortion_heads.io.float_images import to_uint8
from distortion_heads.synthesis.tone import pick

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

Pixels = NDArray[np.uint8]

SHORTEST = 224
"""A picture is not reduced below this short side."""


def stored(pixels: Pixels, format_name: str, **options: object) -> Pixels:
    """Store uint8 RGB with Pillow and read it again."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format_name, **options)
    with Image.open(buffer) as picture:
        return np.asarray(picture.convert("RGB"))


def jpeg_once(pixels: Pixels, quality: int, rng: np.random.Generator) -> Pixels:
    """Store as one JPEG of that quality; the subsampling of the colours is drawn."""
    return stored(pixels, "JPEG", quality=quality, subsampling=pick(rng, ((0.3, 0), (0.1, 1), (0.6, 2))))


def handed_on(image: FloatImage, rng: np.random.Generator) -> Pixels:
    """Return the picture as it reaches us, uint8: one in four reduced, two in three as JPEG 70 to 97 or WebP, some
    twice. Nothing of it is a fault that people see."""
    pixels = to_uint8(image)
    if rng.random() < 0.25:
        pixels = _reduced(pixels, rng.uniform(0.5, 0.95), rng)
    kind = rng.random()
    if kind < 0.62:
        low, high = pick(rng, ((0.2, (70, 80)), (0.35, (80, 90)), (0.45, (90, 98))))
        pixels = jpeg_once(pixels, int(rng.integers(low, high)), rng)
        if rng.random() < 0.15:
            pixels = jpeg_once(pixels, int(rng.integers(85, 98)), rng)
    elif kind < 0.68:
        pixels = stored(pixels, "WEBP", quality=int(rng.integers(78, 97)), method=2)
    return pixels


def _reduced(pixels: Pixels, factor: float, rng: np.random.Generator) -> Pixels:
    from PIL import Image

    height, width, _ = pixels.shape
    size = (max(min(SHORTEST, width), round(width * factor)), max(min(SHORTEST, height), round(height * factor)))
    way = (Image.Resampling.LANCZOS, Image.Resampling.BICUBIC, Image.Resampling.BOX)[int(rng.integers(3))]
    return np.asarray(Image.fromarray(pixels).resize(size, way))
