"""Tiny lossless videos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

from helpers.little_pictures import noisy, scene


def write_clip(path: Path, pictures: Sequence[np.ndarray], rate: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "bgr0"
        for pixels in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def levels(count: int, side: int = 64) -> list[np.ndarray]:
    """Frames that tell their place by their brightness: frame i is 10 i."""
    return [np.full((side, side, 3), 10 * i, np.uint8) for i in range(count)]


def moving(seed: int, count: int = 12, *, grain: bool = False) -> list[np.ndarray]:
    """A scene that moves a little, with or without noise."""
    large = scene(seed, 96)
    frames = [np.ascontiguousarray(large[i : i + 64, i : i + 64]) for i in range(count)]
    return [noisy(frame, 100 * seed + i) for i, frame in enumerate(frames)] if grain else frames
