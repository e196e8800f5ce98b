"""A copy of a video into which the labels of the active segments are drawn."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from distortion_heads._system.atomic import replacing
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DheadsError
from distortion_heads.io.video.encode import Coding, encode_video
from distortion_heads.io.video.options import Frame, Sampling, VideoOptions
from distortion_heads.io.video.reader import open_video
from distortion_heads.reports.pictures import kinds_text
from distortion_heads.video.answers import FamilySegment, VideoFamily, VideoPrediction

if TYPE_CHECKING:
    from collections.abc import Callable


def annotate_video(
    prediction: VideoPrediction,
    target: Path,
    options: VideoOptions,
    progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Write `target`: all frames from `prediction.start` to `prediction.end` at their times, without sound, as H.264.

    The video is read again, so it must be a file. The container is that of the suffix (.mp4, .mkv, .mov ...). Sizes
    are made even by repeating the last row or column. `progress` gets the time of each frame. Raises `DheadsError`.
    """
    if prediction.path is None:
        raise DheadsError("--annotate reads the video twice: give a file, not a pipe")
    sampling = Sampling(start=prediction.start, end=prediction.end if prediction.end > prediction.start else None)
    reading = VideoOptions(sampling=sampling, sequence_rate=options.sequence_rate, max_pixels=options.max_pixels)
    with closing(open_video(prediction.path, reading)) as video:
        frames = _drawn(video.frames(), prediction, progress)
        try:
            own = target.with_name(f".{secrets.token_hex(8)}{target.suffix}")  # the suffix says the container
            with replacing(target, sync=False, temporary=own) as temporary:
                encode_video(frames, temporary, _coding(), prediction.frame_rate, by_suffix=True, threads=0)
        except (OSError, ValueError) as error:
            raise DheadsError(f"cannot write {target}: {reason(error)}") from None


def active_families(prediction: VideoPrediction, time: float) -> tuple[tuple[VideoFamily, FamilySegment], ...]:
    """Return the families with a segment at `time` and that segment, most probable first."""
    found = [(f, s) for f in prediction.families for s in f.segments if s.onset <= time < s.offset]
    return tuple(sorted(found, key=lambda pair: -pair[0].probability))


def draw_labels(pixels: NDArray[np.uint8], labels: list[str]) -> NDArray[np.uint8]:
    """Return a copy of uint8 (H, W, 3) with `labels` below each other in the upper left corner."""
    if not labels:
        return pixels
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    size = max(10, round(min(picture.size) / 22))
    font, pad = ImageFont.load_default(size), size // 3
    y = pad
    for label in labels:
        box = draw.textbbox((2 * pad, y + pad // 2), label, font=font)
        bottom = y + size + 2 * pad
        draw.rectangle((pad, y, box[2] + pad, bottom), fill=(20, 20, 24))
        draw.rectangle((pad, y, pad + max(2, pad // 2), bottom), fill=(240, 110, 40))
        draw.text((2 * pad + pad // 2, (y + bottom) / 2), label, fill=(255, 255, 255), font=font, anchor="lm")
        y = bottom + max(2, pad // 2)
    return np.asarray(picture)


def _label(family: VideoFamily, segment: FamilySegment) -> str:
    return ": ".join(filter(None, (family.family, kinds_text(segment.kinds))))


def _drawn(
    frames: Iterator[Frame], prediction: VideoPrediction, progress: Callable[[float], None]
) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    for frame in frames:
        labels = [_label(family, segment) for family, segment in active_families(prediction, frame.time)]
        yield frame.time, draw_labels(frame.pixels, labels)
        progress(frame.time)


def _coding() -> Coding:
    """Return H.264, or MPEG-4 where PyAV was built without x264; both at a quality that hides the codec."""
    import av

    return Coding(codec="h264" if "libx264" in av.codecs_available else "mpeg4")
