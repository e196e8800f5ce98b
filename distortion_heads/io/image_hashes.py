"""Hashes of what pictures show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads.io.content import content_of_file
from distortion_heads.io.inputs import Input


def difference_hash(pixels: NDArray[np.uint8]) -> int | None:
    """Return a perceptual hash of uint8 (H, W, 3): 64 signs of horizontal differences between neighbours on 9 x 8.

    Most distortions change a few bits at most. None for a picture so flat that the signs are chance.
    """
    from PIL import Image

    small = Image.fromarray(pixels).convert("L").resize((9, 8), Image.Resampling.BOX)
    values = np.asarray(small, np.int16)
    if np.ptp(values) < 8:
        return None
    return int.from_bytes(np.packbits(values[:, 1:] > values[:, :-1]).tobytes())


def join_near(
    groups: NDArray[np.int64], hashes: Sequence[int | None], bits: int, joins: Sequence[bool] | None = None
) -> NDArray[np.int64]:
    """Join the groups (n,) of images whose difference hashes differ in at most `bits`, over any number of steps.

    Of two such images at least one must have `joins`, by default all have.
    """
    groups = groups.copy()
    known = np.array([i for i, value in enumerate(hashes) if value is not None], np.int64)
    if len(known) == 0:
        return groups
    packed = np.array([hashes[i] for i in known], np.uint64).view(np.uint8).reshape(-1, 8)
    signs = np.unpackbits(packed, axis=1).astype(np.float32) * 2 - 1
    for row, index in enumerate(known):
        if joins is None or joins[index]:
            distance = (64 - signs @ signs[row]) / 2
            joined = np.unique(groups[known[distance <= bits]])
            if len(joined) > 1:
                groups[np.isin(groups, joined)] = joined[0]
    return groups


def is_video(path: Path) -> bool:
    """Return whether a file is a video by its content, or where that is not known by its name."""
    return Input(str(path), content=content_of_file(path)).is_video
