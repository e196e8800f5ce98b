"""Pictures that are no photographs, made by rule: drawings, scans of paper, fields of noise; uint8 (H, W, 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

SIZES = ((384, 512), (512, 384), (480, 640), (600, 600))
"""Height and width, one of which is drawn."""

FINER = 2
"""Drawings and pages are made this much larger and reduced, so that their edges are smooth."""

WORDS = ("light", "room", "paper", "counted", "where", "boats", "wind", "and", "nine", "grey", "stones", "of", "a")


def drawing(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw flat shapes, or a diagram of boxes and lines, on an even ground."""
    height, width = _size(rng)
    canvas, pen = _canvas(height, width, _color(rng) if rng.random() < 0.5 else (255, 255, 255))
    (_shapes if rng.random() < 0.6 else _diagram)(pen, canvas.size, rng)
    return _reduced(canvas)


def scan(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a page of text or handwriting, as a scanner gives it: grey paper, a slight turn, a little grain."""
    from scipy.ndimage import gaussian_filter

    height, width = _size(rng)
    canvas, pen = _canvas(height, width, (255, 255, 255))
    (_text if rng.random() < 0.7 else _handwriting)(pen, canvas.size, rng)
    turned = canvas.rotate(rng.normal(0, 1), fillcolor=(255, 255, 255))
    page = _reduced(turned).astype(np.float32) / 255
    paper = rng.uniform(0.85, 1.0) * np.array([1, rng.uniform(0.95, 1), rng.uniform(0.85, 1)], np.float32)
    fibres = gaussian_filter(rng.standard_normal((height, width)), rng.uniform(0.5, 2)) * rng.uniform(0, 0.03)
    page = gaussian_filter(page, (rng.uniform(0, 0.7),) * 2 + (0,)) * paper + fibres[..., np.newaxis]
    return _to_bytes(page + rng.normal(0, rng.uniform(0, 0.015), page.shape))


def noise_field(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw noise and nothing else: white, or with a spectrum of 1 / f ** a, grey or in colours."""
    height, width = _size(rng)
    channels = 1 if rng.random() < 0.4 else 3
    white = rng.standard_normal((height, width, channels))
    if rng.random() < 0.5:
        white = rng.uniform(-1.7, 1.7, white.shape)
    slope = rng.choice([0.0, rng.uniform(0.3, 1.2)])
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    radius = np.maximum(np.hypot(rows, columns), 1 / max(height, width))
    field = np.fft.irfft2(np.fft.rfft2(white, axes=(0, 1)) / radius[..., None] ** slope, (height, width), axes=(0, 1))
    field = field / field.std() * rng.uniform(0.1, 0.3) + rng.uniform(0.3, 0.7)
    return _to_bytes(np.broadcast_to(field, (height, width, 3)))


KINDS: Mapping[str, Callable[[np.random.Generator], NDArray[np.uint8]]] = {
    "drawings": drawing,
    "scans": scan,
    "noise fields": noise_field,
}


def _size(rng: np.random.Generator) -> tuple[int, int]:
    return SIZES[int(rng.integers(len(SIZES)))]


def _color(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return red, green, blue


def _canvas(height: int, width: int, ground: tuple[int, int, int]) -> tuple[Any, ImageDraw]:
    from PIL import Image, ImageDraw

    canvas = Image.new("RGB", (width * FINER, height * FINER), ground)
    return canvas, ImageDraw.Draw(canvas)


def _reduced(canvas: Any) -> NDArray[np.uint8]:
    return np.asarray(canvas.reduce(FINER))


def _to_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(values, 0, 1) * 255), np.uint8)


def _shapes(pen: ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(6, 30))):
        left, top = (rng.uniform(-0.1, 1) * side for side in size)
        box = (left, top, left + rng.uniform(0.05, 0.5) * size[0], top + rng.uniform(0.05, 0.5) * size[1])
        outline, line = ((0, 0, 0), int(rng.integers(2, 9))) if rng.random() < 0.6 else (None, 1)
        kind = rng.integers(3)
        if kind == 0:
            pen.ellipse(box, fill=_color(rng), outline=outline, width=line)
        elif kind == 1:
            pen.rectangle(box, fill=_color(rng), outline=outline, width=line)
        else:
            corners = [(float(rng.uniform(box[0], box[2])), float(rng.uniform(box[1], box[3]))) for _ in range(5)]
            pen.polygon(corners, fill=_color(rng), outline=outline, width=line)


def _diagram(pen: ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(int(rng.integers(20, 36)))
    ink = (0, 0, 0) if rng.random() < 0.7 else _color(rng)
    places = [tuple(float(rng.uniform(0.05, 0.85) * side) for side in size) for _ in range(int(rng.integers(5, 14)))]
    for start, end in pairwise(places):
        pen.line([start, end], fill=ink, width=int(rng.integers(2, 6)))
    for left, top in places:
        box = (left, top, left + rng.uniform(80, 240), top + rng.uniform(50, 120))
        pen.rectangle(box, fill=_color(rng) if rng.random() < 0.5 else (255, 255, 255), outline=ink, width=3)
        pen.text((left + 8, top + 8), str(rng.choice(WORDS)), fill=ink, font=font)


def _text(pen: ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    from PIL import ImageFont

    height = int(rng.integers(20, 44))
    font, margin = ImageFont.load_default(height), int(rng.uniform(0.03, 0.12) * size[0])
    top = margin
    while top < size[1] - margin:
        line = " ".join(rng.choice(WORDS, int(size[0] / height / 2.6)))
        if rng.random() < 0.85:  # or a blank line
            pen.text((margin, top), line, fill=(20, 20, 25), font=font)
        top += int(height * 1.4)


def _handwriting(pen: ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    ink, step = (int(rng.integers(0, 60)), int(rng.integers(0, 60)), int(rng.integers(40, 160))), 8
    for top in np.arange(0.1, 0.95, rng.uniform(0.06, 0.12)) * size[1]:
        x = np.arange(0.06 * size[0], rng.uniform(0.5, 0.95) * size[0], step)
        wave = np.cumsum(rng.normal(0, 6, len(x)))
        y = top + wave - np.convolve(wave, np.ones(9) / 9, "same") + 14 * np.sin(x / rng.uniform(9, 16))
        pen.line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=ink, width=int(rng.integers(3, 6)))
