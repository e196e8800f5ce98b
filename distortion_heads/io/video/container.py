"""A video file's container: opened, its stream of moving pictures found, its size checked."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import ImageTooLargeError, InputError
from distortion_heads.io.content import content_of, no_moving_picture
from distortion_heads.io.video.growing import LIVE_OPTIONS, GrowingStream

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream


def check_file(path: str) -> None:
    """Raise `InputError` unless `path` is a file that can be read and has something in it that can move."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - one call for missing, folder and pipe
        with open(path, "rb") as stream:  # noqa: PTH123
            empty = stat.S_ISREG(mode) and not stream.read(1)
            still = no_moving_picture(content_of(stream)) if stat.S_ISREG(mode) else None
    except FileNotFoundError:
        raise InputError("no such file") from None
    except IsADirectoryError:
        raise InputError("is a folder: give a video") from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {reason(error).lower()}") from None
    if empty:
        raise InputError("not a video: it is empty")
    if still is not None:
        raise InputError(still)


def open_container(file: str | GrowingStream, *, live: bool) -> InputContainer:
    """Open a file or a stream of encoded video. Raises `InputError`."""
    import av
    from av.error import FFmpegError

    try:
        return av.open(file, mode="r", options=dict(LIVE_OPTIONS) if live else {}, metadata_errors="replace")
    except (FFmpegError, OSError, ValueError) as error:
        hint = "a cut-off or still growing MP4 has no index" if isinstance(error, ValueError) else "see the reason"
        raise InputError(f"not a video that can be read: {plain_reason(error)} ({hint})") from None


def video_stream(container: InputContainer) -> VideoStream:
    """Return the first stream of moving pictures; the cover of a piece of music is none. Raises `InputError`."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not (stream.disposition & Disposition.attached_pic) and stream.codec_context is not None:
            return stream
    kinds = sorted({stream.type for stream in container.streams})
    raise InputError(f"no video in this file: it has {' and '.join(kinds) or 'no stream'} only")


def check_size(width: int, height: int, limit: int) -> None:
    """Raise `ImageTooLargeError` for frames of more than `limit` pixels."""
    if width * height > limit:
        raise ImageTooLargeError(
            f"frames of {width} x {height} = {width * height} pixels, above the limit of {limit}: "
            "raise it with --max-pixels"
        )


def plain_reason(error: Exception) -> str:
    """Return why FFmpeg failed, in lower case and without a full stop."""
    return (reason(error) or type(error).__name__).strip().rstrip(".").lower()
