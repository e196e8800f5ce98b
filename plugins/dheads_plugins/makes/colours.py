"""Colours that are off: a wrong white balance, faded or shrill, turned hues, mixed channels, too few of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._codec import to_pillow
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import LUMA, Floats, clip01, pick, to_encoded, to_linear

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

CAST = (0.12, 0.22, 0.36, 0.55, 0.85)
"""Natural logarithm of the gain of the channels that are favoured over those that are not, in linear light."""

SHIFTED = (0.03, 0.06, 0.1, 0.15, 0.22)
"""Change of one channel in encoded values."""

FADED, SHRILL = (0.65, 0.45, 0.28, 0.14, 0.0), (1.35, 1.7, 2.2, 3.0, 4.5)
"""Factors of the colour, for less and for more of it."""

TURNED = (0.15, 0.3, 0.55, 0.9, 1.6)
"""Angle in radians by which hues are turned in the plane of colour differences."""

LEVELS = (12.0, 8.0, 6.0, 4.0, 3.0)
PALETTE = (64.0, 36.0, 20.0, 12.0, 6.0)
"""Grey levels of each channel, and colours of a palette."""

FRINGE = (0.8, 1.6, 3.0, 5.0, 9.0)
"""Displacement of a channel in pixels."""


def _scaled_colour(image: FloatImage, factor: float) -> Floats:
    luma: Floats = (image @ LUMA)[..., None]
    return luma + np.float32(factor) * (image - luma)


def cast(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """A wrong white balance: gains of red and blue against each other or of green against both, in linear light."""
    strength = at_severity(CAST, severity)
    warmth, tint = pick(rng, ((0.65, (1.0, rng.normal(0, 0.25))), (0.35, (rng.normal(0, 0.3), 1.0))))
    sign = 1 if rng.random() < 0.5 else -1
    logs = sign * strength * np.array([warmth / 2 - tint / 3, tint * 2 / 3, -warmth / 2 - tint / 3])
    gains = np.exp(logs).astype(np.float32)
    light = to_linear(image)
    return clip01(to_encoded(light * gains * (light.mean() / max(float((light * gains).mean()), 1e-6))))


def shifted(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Something is added to some channels and taken from others, as by a filter before the lens or a faded print."""
    offsets = rng.normal(0, 1, 3)
    offsets -= offsets @ LUMA * rng.uniform(0.5, 1.0)
    offsets *= at_severity(SHIFTED, severity) / max(float(np.abs(offsets).max()), 1e-6)
    bend = np.sin(np.pi * image) if rng.random() < 0.5 else np.ones_like(image)
    return clip01(image + bend * offsets.astype(np.float32))


def faded(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Colour is lost, up to a grey picture; sometimes contrast with it, as in old prints."""
    pale = _scaled_colour(image, at_severity(FADED, severity) * rng.uniform(0.85, 1.0))
    flat = rng.uniform(0.0, 0.12) if rng.random() < 0.3 else 0.0
    return clip01(pale * np.float32(1 - flat) + np.float32(flat * rng.uniform(0.4, 0.9)))


def shrill(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Colours are stronger than those of any scene, and clipped where they leave the cube."""
    factor = at_severity(SHRILL, severity)
    if rng.random() < 0.5:
        return clip01(_scaled_colour(image, factor))
    low, high = image.min(2, keepdims=True), image.max(2, keepdims=True)
    reach = np.minimum((high - low) * np.float32(factor), high) / np.maximum(high - low, np.float32(1e-4))
    return clip01(high - (high - image) * reach)


def turned(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """All hues are turned by one angle: red becomes orange or purple."""
    angle = at_severity(TURNED, severity) * (1 if rng.random() < 0.5 else -1)
    cosine, sine = math.cos(angle), math.sin(angle)
    to_yiq = np.array([LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    turn = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    matrix = (np.linalg.inv(to_yiq) @ turn @ to_yiq).astype(np.float32)
    return clip01(image @ matrix.T)


def mixed_channels(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Channels leak into each other, as with a wrong colour matrix or profile."""
    share = np.float32(at_severity((0.1, 0.2, 0.33, 0.5, 0.75), severity))
    rows = rng.dirichlet((0.7, 0.7, 0.7), 3)
    matrix = (1 - share) * np.eye(3, dtype=np.float32) + share * rows.astype(np.float32)
    return clip01(image @ matrix.T)


def few_levels(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Each channel keeps few levels, so that slow changes become steps."""
    steps = np.float32(max(round(at_severity(LEVELS, severity) * rng.uniform(0.9, 1.1)), 2) - 1)
    cut_off = rng.random() < 0.5
    whole: Floats = np.floor(image * (steps + 1) * np.float32(0.9999)) if cut_off else np.round(image * steps)
    return clip01(whole / steps)


def palette(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """A palette of few colours, with or without dithering."""
    from PIL import Image

    colours = max(2, round(at_severity(PALETTE, severity)))
    picture = to_pillow(image)
    way = pick(rng, ((0.6, Image.Quantize.MEDIANCUT), (0.4, Image.Quantize.FASTOCTREE)))
    table = picture.quantize(colours, method=way, dither=Image.Dither.NONE)
    if rng.random() < 0.5:
        table = picture.quantize(palette=table, dither=Image.Dither.FLOYDSTEINBERG)
    return np.asarray(table.convert("RGB"), np.float32) / np.float32(255)


def fringe(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Red, blue or both lie beside green: everywhere alike, or growing towards the edges as behind a cheap lens."""
    from scipy.ndimage import affine_transform

    size = np.array(image.shape[:2])
    length = at_severity(FRINGE, severity) * math.sqrt(min(size) / 384)
    made, angle, grows = image.copy(), rng.uniform(0, 2 * np.pi), rng.random() < 0.4
    for channel, sign in ((0, 1.0), (2, -1.0)):
        if grows:
            scale = 1 + sign * 2 * length / size.max()
            matrix, offset = np.eye(2) * scale, size / 2 * (1 - scale)
        else:
            matrix, offset = np.eye(2), sign * length / 2 * np.array([math.sin(angle), math.cos(angle)])
        made[..., channel] = affine_transform(image[..., channel], matrix, offset, order=1, mode="nearest")
    return clip01(made)
