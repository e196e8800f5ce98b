"""Records -> pictures: a still picture is itself, a video is a few frames spread evenly over it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.clips import each_frame
from distortion_heads.datasets.labelled_image import FRAMES, ClipFrames
from distortion_heads.datasets.record import Record
from distortion_heads.io.images import load_image
from distortion_heads.io.inputs import VIDEO_SUFFIXES


def is_video(record: Record) -> bool:
    return record.path.suffix.lower() in VIDEO_SUFFIXES


def read_pictures(record: Record, frames: int = FRAMES) -> Sequence[NDArray[np.uint8]]:
    """The record's pictures, uint8 (H, W, 3) each, at least one. Raises `InputError` if it cannot be used."""
    if not is_video(record):
        return [load_image(record.path)]
    pictures, _ = each_frame(record.path, ClipFrames(frames=frames), lambda pixels: pixels)
    return pictures
