"""Colour quantisation with dither, KADID-10k type 06: a palette of 64, 48, 32, 16, 8 colours made for the picture.

The palette adapts to the picture and the error is diffused (Floyd and Steinberg 1976), which tells it from
`color_dithering` (the same few levels for every picture, ordered dither) and from `quantization` (no dither).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dheads_plugins._bundled import bundled
from dheads_plugins._color import from_bytes, to_bytes
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

    from distortion_heads.spec import FloatImage

COLORS = (64.0, 48.0, 32.0, 16.0, 8.0)
PALETTE_SAMPLES = 2400


def parameters(severity: float) -> Mapping[str, float]:
    """Size of the palette."""
    return {"colors": float(round(at_severity(COLORS, severity, log=True)))}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Reduce to a palette; how the palette is found varies, and one picture in ten is not dithered."""
    from PIL import Image

    pixels = to_bytes(image)
    palette = _palette(pixels, int(parameters(severity)["colors"]), rng)
    dither = Image.Dither.FLOYDSTEINBERG if rng.random() < 0.9 else Image.Dither.NONE
    reduced = Image.fromarray(pixels).quantize(palette=palette, dither=dither)
    return from_bytes(np.asarray(reduced.convert("RGB")))


def _palette(pixels: NDArray[np.uint8], colors: int, rng: np.random.Generator) -> PillowImage:
    """Fit at most `colors` colours to a regular sample of the pixels: median cut, k-means, max coverage or octree."""
    from PIL import Image

    step = math.ceil(math.sqrt(pixels.shape[0] * pixels.shape[1] / PALETTE_SAMPLES))
    row, column = rng.integers(step, size=2)
    sample = Image.fromarray(np.ascontiguousarray(pixels[row::step, column::step]))
    variant = rng.random()
    if variant < 0.6:
        return sample.quantize(colors, method=Image.Quantize.MEDIANCUT)
    if variant < 0.7:
        return sample.quantize(colors, method=Image.Quantize.MEDIANCUT, kmeans=1)
    if variant < 0.85:
        return sample.quantize(colors, method=Image.Quantize.MAXCOVERAGE)
    return sample.quantize(colors, method=Image.Quantize.FASTOCTREE)


HEAD = HeadSpec(
    label="color_quantization",
    title="Colour quantisation",
    family="color",
    description="Only a few colours, chosen for the picture, with scattered dots between them, as in a GIF.",
    weights=bundled("color_quantization"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 06 (Lin, Hosu, Saupe 2019)",
)
