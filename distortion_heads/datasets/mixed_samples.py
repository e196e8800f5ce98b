"""Pictures with mixtures of faults as they reach us: cut out of good ones, distorted, handed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.clean_pictures import load_scene
from distortion_heads.synthesis.mixtures import FamilyOperators, MixedPicture, draw_faults, mixed_picture
from distortion_heads.views.scene import scene_of

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

FOUND_ODDS = 0.25
"""How often a sample is made of a picture as it was found, not of a reduced one."""

LOWEST, HIGHEST, LEFTMOST, RIGHTMOST = 352, 448, 448, 608
"""Ranges from which the sides of what is cut out are drawn."""


def draw_picture(
    scenes: Sequence[Path], found: Sequence[Path], operators: Mapping[str, FamilyOperators], seed: tuple[int, ...]
) -> MixedPicture:
    """Return a piece of one of `scenes` or of a picture as it was `found`, with none to three faults.

    `scenes` were reduced and bear no marks of a camera any more. The same `seed`, the same picture.
    """
    rng = np.random.default_rng((*seed, 1))
    as_found = bool(found) and rng.random() < FOUND_ODDS
    paths = found if as_found else scenes
    image = cut_piece(paths[int(rng.integers(len(paths)))], rng)
    return mixed_picture(image, draw_faults(operators, rng), seed, untouched=not as_found)


def cut_piece(path: Path, rng: np.random.Generator) -> FloatImage:
    """Return a piece of the scene in a picture, float32 (H, W, 3) in [0, 1]. Raises `DataError` as `load_scene`."""
    return np.ascontiguousarray(cut_out(scene_of(load_scene(path)).pixels, rng), np.float32) / np.float32(255)


def cut_out(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a piece of uint8 (H, W, 3), about 400 x 528 pixels, or all there is, mirrored at times."""
    height, width = pixels.shape[:2]
    rows, columns = int(rng.integers(LOWEST, HIGHEST)), int(rng.integers(LEFTMOST, RIGHTMOST))
    if rng.random() < 0.5:
        rows, columns = columns, rows
    rows, columns = min(rows, height), min(columns, width)
    top, left = int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - columns + 1))
    cut = pixels[top : top + rows, left : left + columns]
    return cut[:, ::-1] if rng.random() < 0.5 else cut
