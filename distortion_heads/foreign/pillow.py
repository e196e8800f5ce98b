"""Pillow: filters, enhancements and every lossy codec that it has."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import Any

from distortion_heads.foreign.base import ForeignOperator, Level, Pixels, as_pixels, operator

CODECS = {
    "jpeg": ("JPEG", {"quality": 25}, {"quality": 8}),
    "jpeg_444": ("JPEG", {"quality": 20, "subsampling": 0}, {"quality": 7, "subsampling": 0}),
    "webp": ("WEBP", {"quality": 12}, {"quality": 2}),
    "avif": ("AVIF", {"quality": 25}, {"quality": 8}),
    "jpeg2000": ("JPEG2000", {"quality_layers": [60]}, {"quality_layers": [160]}),
    "jpeg2000_97": ("JPEG2000", {"quality_layers": [60], "irreversible": True},
                    {"quality_layers": [160], "irreversible": True}),
}  # fmt: skip


def operators() -> Iterator[ForeignOperator]:
    """Yield them."""
    from PIL import Image, ImageEnhance, ImageFilter, ImageOps

    for name, family, change in (
        ("gaussian", "blur", lambda p, s: p.filter(ImageFilter.GaussianBlur((1.7, 3.8)[s]))),
        ("box", "blur", lambda p, s: p.filter(ImageFilter.BoxBlur((2, 5)[s]))),
        ("unsharp", "sharpness", lambda p, s: p.filter(ImageFilter.UnsharpMask(2, (200, 450)[s], 0))),
        ("sharpness", "sharpness", lambda p, s: ImageEnhance.Sharpness(p).enhance((4, 10)[s])),
        ("too_dark", "exposure", lambda p, s: ImageEnhance.Brightness(p).enhance((0.4, 0.2)[s])),
        ("too_bright", "exposure", lambda p, s: ImageEnhance.Brightness(p).enhance((1.9, 3.0)[s])),
        ("saturated", "color", lambda p, s: ImageEnhance.Color(p).enhance((2.6, 5.0)[s])),
        ("posterize", "color", lambda p, s: ImageOps.posterize(p, (3, 2)[s])),
        ("few_colors", "color", lambda p, s: p.quantize((14, 6)[s], dither=Image.Dither.NONE)),
        ("dithered", "color", lambda p, s: p.quantize(palette=p.quantize((14, 6)[s]))),
        ("pixelate", "spatial", _pixelated),
    ):
        yield operator("pillow", name, family, partial(_on_picture, change=change))
    for name, (kind, *options) in CODECS.items():
        yield operator("pillow", name, "compression", partial(_stored, kind=kind, options=options))


def stored_as_jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Return what a JPEG file of that quality holds, with Pillow's own subsampling."""
    return as_pixels(_stored(pixels, 0, "JPEG", [{"quality": quality}]))


def _pixelated(picture: Any, level: Level) -> Any:
    return picture.reduce((3, 6)[level]).resize(picture.size, 0)


def _on_picture(pixels: Pixels, level: Level, change: Any) -> Any:
    from PIL import Image

    return change(Image.fromarray(pixels), level).convert("RGB")


def _stored(pixels: Pixels, level: Level, kind: str, options: Any) -> Any:
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options[level])
    with Image.open(buffer) as picture:
        return picture.convert("RGB")
