"""A network and pictures small enough to train in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from distortion_heads.backbones.architecture import Architecture, Conv


def tiny(first: int, later: int) -> Architecture:
    """Return three convolutions, of which the first and the last are levels."""
    return Architecture(
        convs=(
            Conv(inputs=3, outputs=first, kernel=5, stride=2, level=True),
            Conv(inputs=first, outputs=later, stride=2),
            Conv(inputs=later, outputs=later, stride=2, level=True),
        )
    )


def write_scenes(folder: Path, count: int, *, fine: int = 7, size: tuple[int, int] = (240, 200)) -> Path:
    """Write smooth pictures of random colours, `fine` patches across."""
    rng = np.random.default_rng(0)
    for i in range(count):
        small = rng.uniform(40, 220, (fine, fine, 3)).astype(np.uint8)
        Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(folder / f"scene{i}.png")
    return folder
