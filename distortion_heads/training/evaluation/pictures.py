"""Records -> pictures: a still picture is itself, a video is a few frames spread evenly over it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from distortion_heads.errors import InputError
from distortion_heads.images import load_image
from distortion_heads.training.corpora.files import VIDEO_SUFFIXES
from distortion_heads.training.corpora.record import Record

FRAMES = 10
"""Of each video, as in Ameur et al. 2022."""


def is_video(record: Record) -> bool:
    return record.path.suffix.lower() in VIDEO_SUFFIXES


def read_pictures(record: Record, frames: int = FRAMES) -> Sequence[NDArray[np.uint8]]:
    """The record's pictures, uint8 (H, W, 3) each, at least one. Raises `InputError` if it cannot be used."""
    if not is_video(record):
        return [load_image(record.path)]
    from distortion_heads.video_reader import open_video
    from distortion_heads.video_spec import Sampling, VideoOptions

    with closing(open_video(record.path, VideoOptions(sampling=Sampling(frames=frames)))) as video:
        pictures = [frame.pixels for frame in video.frames()]
    if not pictures:
        raise InputError(f"no frame can be read: {video.damage}" if video.damage else "the video has no frame")
    return pictures
