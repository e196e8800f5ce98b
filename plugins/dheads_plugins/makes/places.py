"""Parts that are not where they belong: tiles, rows, coarse cells, covered places, lost packets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

CELL = (2.5, 4.0, 6.0, 10.0, 16.0)
"""Side of a coarse cell in pixels, for a picture whose short side is 384."""

SHARE = (0.08, 0.16, 0.3, 0.5, 0.9)
"""Share of the tiles or rows that are moved."""


def tiles(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """The picture is cut into tiles like a puzzle, and some of them change places."""
    rows, columns = (int(value) for value in rng.integers(3, 8, 2))
    height, width = image.shape[0] // rows, image.shape[1] // columns
    count = rows * columns
    moved = rng.permutation(count)[: max(2, round(at_severity(SHARE, severity) * count))]
    made = image.copy()
    for to, source in zip(moved, np.roll(moved, 1), strict=True):
        (y, x), (v, u) = divmod(int(to), columns), divmod(int(source), columns)
        part = image[v * height : (v + 1) * height, u * width : (u + 1) * width]
        made[y * height : (y + 1) * height, x * width : (x + 1) * width] = part
    return made


def torn_rows(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Bands of rows are displaced sideways, as by a lost sync."""
    made, height = image.copy(), image.shape[0]
    reach = at_severity((3.0, 6.0, 12.0, 24.0, 48.0), severity)
    for _ in range(max(1, round(12 * at_severity(SHARE, severity)))):
        top = int(rng.integers(0, height - 4))
        bottom = min(height, top + int(rng.integers(2, max(3, height // 10))))
        made[top:bottom] = np.roll(image[top:bottom], round(rng.uniform(-reach, reach)) or 2, axis=1)
    return made


def coarse(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """A mosaic: reduced, by means or by single pixels, and enlarged without smoothing."""
    from PIL import Image

    side = at_severity(CELL, severity) * rng.uniform(0.9, 1.2) * math.sqrt(min(image.shape[:2]) / 384)
    height, width, _ = image.shape
    small = (max(4, round(width / side)), max(4, round(height / side)))
    way = Image.Resampling.BOX if rng.random() < 0.6 else Image.Resampling.NEAREST
    planes = [Image.fromarray(np.ascontiguousarray(image[..., channel])) for channel in range(3)]
    made = [plane.resize(small, way).resize((width, height), Image.Resampling.NEAREST) for plane in planes]
    return np.clip(np.stack([np.asarray(plane, np.float32) for plane in made], -1), 0, 1)


def covered(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Rectangles of one colour, or of noise, lie on the picture, or their content is lost."""
    made = image.copy()
    height, width, _ = image.shape
    area = at_severity((0.01, 0.03, 0.06, 0.12, 0.25), severity) * rng.uniform(0.7, 1.3)
    count = int(rng.integers(1, 7))
    for _ in range(count):
        stretch = math.exp(rng.uniform(-0.9, 0.9))
        rows = min(height - 1, max(6, round(math.sqrt(area / count * height * width) * stretch)))
        columns = min(width - 1, max(6, round(math.sqrt(area / count * height * width) / stretch)))
        top, left = int(rng.integers(0, height - rows)), int(rng.integers(0, width - columns))
        fill = rng.random(3) if rng.random() < 0.6 else np.full(3, rng.integers(0, 2))
        made[top : top + rows, left : left + columns] = fill.astype(np.float32)
    return made


def lost_blocks(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Runs of blocks are lost in transmission: grey, or what lies elsewhere in the picture instead."""
    made, side = image.copy(), int(rng.choice([8, 16, 32]))
    rows, columns = image.shape[0] // side, image.shape[1] // side
    count = max(1, round(at_severity((0.004, 0.01, 0.025, 0.06, 0.14), severity) * rows * columns))
    grey = rng.random() < 0.3
    while count > 0:
        run = int(rng.integers(1, max(2, columns // 2)))
        y, x = int(rng.integers(rows)), int(rng.integers(columns))
        run = min(run, columns - x, count)
        dy, dx = (int(value) for value in rng.integers(-2, 3, 2))
        top = np.clip((y + (dy or 1)) * side, 0, image.shape[0] - side)
        left = np.clip((x + dx) * side, 0, image.shape[1] - run * side)
        part = np.float32(0.5) if grey else image[top : top + side, left : left + run * side]
        made[y * side : (y + 1) * side, x * side : (x + run) * side] = part
        count -= run
    return made
