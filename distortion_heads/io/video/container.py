"""A video file's container: opened, its stream of moving pictures found, its size checked.

A path is never taken for a URL, and a file never makes FFmpeg open another one: the only protocol is `file:`, and
formats that list other files (ffconcat, HLS, DASH, SDP ...) are not read, whatever a file is called.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import ImageTooLargeError, InputError
from distortion_heads.io.content import content_of, no_moving_picture
from distortion_heads.io.video.growing import LIVE_OPTIONS, GrowingStream

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_MOVING = (
    "3dostr amv apng apv asf asf_o av1 avi avs2 avs3 bink cavsvideo cine dirac dnxhd dv evc flic flv gif gxf h261 h263 "
    "h264 hevc ivf live_flv lxf m4v matroska mjpeg mjpeg_2000 mov mpeg mpegts mpegvideo mpjpeg mxf nsv nut nuv obu ogg "
    "pva r3d rm roq smjpeg smk swf ty vc1 vc1test vivo vvc wtv yuv4mpegpipe"
)
_SOUND = "aac aiff flac mp3 wav"
_STILL = "bmp dpx exr gif j2k jpeg jpegls pam pbm pcx pgm png ppm qoi sgi sunrast tiff webp"
FORMATS = ",".join([*_MOVING.split(), *_SOUND.split(), *(f"{name}_pipe" for name in _STILL.split())])
"""FFmpeg's readers of files that hold their pictures themselves."""

_FILES_ONLY = {"protocol_whitelist": "file", "format_whitelist": FORMATS}


def file_url(path: str | os.PathLike[str]) -> str:
    """Return `path` so that FFmpeg takes it for a file, whatever is in it: `12:30.mp4` and `http:/x` are paths."""
    return f"file:{os.fspath(path)}"


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


def open_container(file: str | os.PathLike[str] | GrowingStream, *, live: bool = False) -> InputContainer:
    """Open a file or a stream of encoded video. Raises `InputError`."""
    import av
    from av.error import ArgumentError, FFmpegError

    source: Any = file_url(file) if isinstance(file, str | os.PathLike) else file
    options = dict(LIVE_OPTIONS) if live else {}
    try:
        opened: InputContainer = av.open(
            source, mode="r", options=options, container_options=dict(_FILES_ONLY), metadata_errors="replace"
        )
        return opened
    except ArgumentError:
        text = "not a video that can be read: a damaged file, or a list of other files (give those themselves)"
        raise InputError(text) from None
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
