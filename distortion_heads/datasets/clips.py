"""Pictures of a file: a still picture is itself, a video is frames spread evenly over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from distortion_heads.datasets.labelled_image import FRAMES, ClipFrames
from distortion_heads.datasets.record import Record
from distortion_heads.errors import InputError
from distortion_heads.io import image_hashes
from distortion_heads.io.images import DEFAULT_MAX_PIXELS, load_image
from distortion_heads.io.video.options import DEFAULT_MAX_PIXELS as DEFAULT_MAX_FRAME_PIXELS
from distortion_heads.io.video.options import Sampling, VideoInfo, VideoOptions
from distortion_heads.io.video.sampling import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")

_LATE = 0.5
"""Seconds before the last wanted frame at which a video may end without being called damaged: time stamps vary."""


def is_video(record: Record) -> bool:
    return image_hashes.is_video(record.path)


def read_pictures(record: Record, frames: int = FRAMES) -> Sequence[NDArray[np.uint8]]:
    """Return the record's pictures, uint8 (H, W, 3) each, at least one. Raises `InputError` if it cannot be used."""
    if not is_video(record):
        return [load_image(record.path)]
    return each_frame(record.path, ClipFrames(frames=frames), lambda pixels: pixels)[0]


def each_frame(
    path: Path, clip: ClipFrames, use: Callable[[NDArray[np.uint8]], T], max_pixels: int = DEFAULT_MAX_PIXELS
) -> tuple[list[T], str | None]:
    """Return `use(frame)` of each frame of the clip, uint8 (H, W, 3), and what could not be read, or None.

    One frame is held at a time; fewer than `clip.frames` are used where there are fewer. For `max_pixels` see
    `frame_limit`. Raises `InputError` if no frame can be read.
    """
    from distortion_heads.io.video.reader import open_video

    sampling = Sampling(frames=clip.frames, start=clip.start, end=clip.end)
    options = VideoOptions(sampling=sampling, max_pixels=frame_limit(max_pixels), max_frames=clip.frames)
    results: list[T] = []
    time = clip.start
    with closing(open_video(path, options)) as video:
        _check_length(video.info, clip)
        for frame in video.frames():
            results.append(use(frame.pixels))
            time = frame.time
        damage = video.damage
    if damage is not None:
        problem: str | None = f"{damage.reason} at {damage.time:.2f} s"
    else:
        problem = _missing(video.info, clip, time)
    if not results:
        raise InputError(f"no frame can be read: {problem}" if problem else f"it has no frame from {clip.text}")
    return results, problem


def frame_limit(max_pixels: int) -> int:
    """Return the largest frame in pixels, where `max_pixels` limits pictures: its default stands for that of videos."""
    return DEFAULT_MAX_FRAME_PIXELS if max_pixels == DEFAULT_MAX_PIXELS else max_pixels


def _check_length(info: VideoInfo, clip: ClipFrames) -> None:
    if info.duration is None:
        raise InputError(
            "does not say how long it is, so frames cannot be spread over it: put it into another container, as with "
            "ffmpeg -i IN -c copy OUT.mkv"
        )
    if clip.start >= info.duration:
        raise InputError(f"lasts {info.duration:.2f} s, and the part that is asked for begins at {clip.start:g} s")


def _missing(info: VideoInfo, clip: ClipFrames, time: float) -> str | None:
    """Return what is missing if the last frame, at `time`, is well before the last that was asked for."""
    length = info.duration or 0.0
    end = length if clip.end is None else min(clip.end, length)
    wanted = spread(clip.frames, clip.start, end)[-1]
    spacing = 1.0 / info.frame_rate if info.frame_rate else _LATE
    if wanted - time <= max(_LATE, 2.5 * spacing):
        return None
    return f"no frame after {time:.2f} s, and it should last {length:.2f} s"
