"""Colour dithering (Lai, Chu, Leng): each channel reduced to 6, 5, 4, 3, 2 evenly spaced levels with a visible pattern.

`color_quantization` (KADID-10k type 06) fits a palette to the picture and scatters the error; here the levels are the
same for every picture and mostly set by a periodic threshold matrix: a dispersed-dot one (Bayer 1973) or a clustered
halftone dot, else by error diffusion (Floyd and Steinberg 1976).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dheads_plugins._bundled import bundled
from dheads_plugins._color import from_bytes, to_bytes
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

LEVELS = (6.0, 5.0, 4.0, 3.0, 2.0)


def parameters(severity: float) -> Mapping[str, float]:
    """Levels per channel, mean of the three: each channel has a whole number of them."""
    return {"levels": round(3 * at_severity(LEVELS, severity)) / 3}


def channel_levels(severity: float) -> tuple[int, int, int]:
    """Levels of red, green and blue; green, to which the eye is most sensitive, gets the odd one first."""
    total = round(3 * parameters(severity)["levels"])
    base, rest = divmod(total, 3)
    return base + (rest > 1), base + (rest > 0), base


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Dither to few levels; the pattern, its size and its phase vary, and whether the channels share it."""
    levels = channel_levels(severity)
    variant = rng.random()
    if variant < 0.2:
        return _diffused(image, levels)
    matrix = bayer(4 if rng.random() < 0.4 else 8) if variant < 0.75 else clustered_dot(int(rng.integers(4, 7)))
    shared = rng.random() < 0.7
    phases = [rng.integers(len(matrix), size=2) for _ in range(3)]
    thresholds = np.stack([_tiled(matrix, image.shape, phases[0 if shared else i]) for i in range(3)], -1)
    steps = np.array(levels, np.float32) - 1
    dithered: FloatImage = np.minimum(np.floor(image * steps + thresholds), steps) / steps
    return dithered


def bayer(size: int) -> FloatImage:
    """Dispersed-dot thresholds in (0, 1), (size, size) with `size` a power of 2 (Bayer 1973)."""
    ranks = np.zeros((1, 1), np.float32)
    while len(ranks) < size:
        ranks = np.block([[4 * ranks, 4 * ranks + 2], [4 * ranks + 3, 4 * ranks + 1]])
    thresholds: FloatImage = ((ranks + 0.5) / ranks.size).astype(np.float32)
    return thresholds


def clustered_dot(size: int) -> FloatImage:
    """Thresholds in (0, 1), (size, size), of a round halftone dot that grows from the centre of the cell."""
    axis = np.cos(2 * np.pi * (np.arange(size) + 0.37) / size)
    # The slight slope orders pixels that lie equally far from the centre.
    height = axis[:, None] + axis[None, :] + 1e-3 * np.arange(size)
    ranks = height.ravel().argsort().argsort().reshape(size, size)
    thresholds: FloatImage = ((ranks + 0.5) / ranks.size).astype(np.float32)
    return thresholds


def _tiled(matrix: FloatImage, shape: tuple[int, ...], phase: NDArray[np.int64]) -> FloatImage:
    rows = (np.arange(shape[0]) + phase[0]) % len(matrix)
    columns = (np.arange(shape[1]) + phase[1]) % len(matrix)
    tiled: FloatImage = matrix[rows[:, None], columns[None, :]]
    return tiled


def _diffused(image: FloatImage, levels: tuple[int, int, int]) -> FloatImage:
    """Floyd-Steinberg error diffusion onto the grid of all combinations of the channels' levels."""
    from PIL import Image

    ramps = [np.round(np.linspace(0, 255, n)) for n in levels]
    colors = np.stack(np.meshgrid(*ramps, indexing="ij"), -1).astype(np.uint8)
    palette = Image.new("P", (1, 1))
    palette.putpalette(colors.tobytes())
    reduced = Image.fromarray(to_bytes(image)).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    return from_bytes(np.asarray(reduced.convert("RGB")))


HEAD = HeadSpec(
    label="color_dithering",
    title="Colour dithering",
    family="color",
    description="A few fixed levels per colour channel, mixed by a regular dot pattern, as in print.",
    weights=bundled("color_dithering"),
    synthesize=synthesize,
    parameters=parameters,
    source="Lai, Chu, Leng: quality-aware pre-training, type colour dithering",
)
