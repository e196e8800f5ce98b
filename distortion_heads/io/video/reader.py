"""Video files and pipes of encoded video to frames, through PyAV (FFmpeg's libraries, which are in its wheel)."""

from __future__ import annotations

import math
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import ImageTooLargeError, InputError
from distortion_heads.io.inputs import is_sequence
from distortion_heads.io.video.clock import FrameClock
from distortion_heads.io.video.color import RgbConverter
from distortion_heads.io.video.growing import LIVE_OPTIONS, GrowingStream, PipeStream
from distortion_heads.io.video.options import Damage, Frame, Moment, VideoInfo, VideoOptions, add_damage
from distortion_heads.io.video.sampling import sample, spread
from distortion_heads.io.video.sequence import PictureSequence

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_CLOSE_TIMEOUT = 2.0

_SEEK_BACK = 1.0
"""Seconds before the wanted time: some formats land a little late."""

_SEEK_WORTH = 3.0
"""Seconds; over shorter distances decoding is as quick as seeking."""


class VideoSource(Protocol):
    """An open video. `damage` is known when `frames` has ended."""

    info: VideoInfo
    damage: Damage | None

    def frames(self) -> Iterator[Frame]: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


def open_video(source: str | os.PathLike[str] | BinaryIO, options: VideoOptions) -> VideoSource:
    """Open a file, a numbered sequence of pictures (`frame_%04d.png`), or a stream of encoded video such as a pipe.

    Raises `InputError` if there is no video in it, `ImageTooLargeError` if its frames exceed `options.max_pixels`.
    """
    if not isinstance(source, str | os.PathLike):
        if options.follow is not None:
            return EncodedVideo(GrowingStream(source, options.follow.patience), options)
        return EncodedVideo(PipeStream(source), options)
    path = os.fspath(source)
    if is_sequence(path):
        return PictureSequence(path, options)
    _check_file(path)
    if options.follow is None:
        return EncodedVideo(path, options)
    stream = Path(path).open("rb")  # noqa: SIM115 - closed with the source
    try:
        return EncodedVideo(GrowingStream(stream, options.follow.patience), options, own=stream)
    except BaseException:
        stream.close()
        raise


def _check_file(path: str) -> None:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - one call for missing, folder and pipe
        with open(path, "rb") as stream:  # noqa: PTH123
            empty = stat.S_ISREG(mode) and not stream.read(1)
    except FileNotFoundError:
        raise InputError("no such file") from None
    except IsADirectoryError:
        raise InputError("is a folder: give a video") from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {reason(error).lower()}") from None
    if empty:
        raise InputError("not a video: it is empty")


class EncodedVideo:
    """A `VideoSource`; `own`, where `file` reads from it, is closed with it."""

    def __init__(self, file: str | GrowingStream, options: VideoOptions, own: BinaryIO | None = None) -> None:
        self._file, self._own, self._options = file, own, options
        self._in_use = threading.Lock()  # FFmpeg must not be closed while another thread is in it
        self.damage: Damage | None = None
        self._container = _open(file, live=options.follow is not None)
        try:
            self._stream = _video_stream(self._container)
            _check_size(self._stream.width, self._stream.height, options.max_pixels)
            self._prepare()
        except BaseException:
            self.close()
            raise
        self._convert = RgbConverter()
        in_order = self._container.format.name == "avi"
        self._can_seek = isinstance(file, str) and not in_order
        self._clock = FrameClock(self.info.frame_rate, in_order=in_order)

    def frames(self) -> Iterator[Frame]:
        """Yield the frames that are asked for; what cannot be decoded is left out and counted in `damage`."""
        sampling = self._options.sampling
        if sampling.frames is not None:
            chosen = self._spread(sampling.frames)
        else:
            if sampling.start > _SEEK_WORTH and self._can_seek:
                self._seek(sampling.start)
            chosen = sample(self._moments(), sampling)
        for index, moment in enumerate(chosen):
            if index >= self._options.max_frames:
                reason = f"more than {self._options.max_frames} frames: raise the limit with --max-frames, or use --fps"
                self._damaged(moment.time, reason)
                return
            yield Frame(index=index, time=moment.time, pixels=moment.load())
        if sampling.end is None and sampling.frames is None:
            self._check_length()

    def stop(self) -> None:
        """End the wait of a thread for more bytes; may be called from any other thread."""
        if not isinstance(self._file, str):
            self._file.stop()

    def close(self) -> None:
        self.stop()
        if not self._in_use.acquire(timeout=_CLOSE_TIMEOUT):
            return  # a thread hangs in a read that nobody can end
        self._container.close()
        if self._own is not None:
            self._own.close()

    def _prepare(self) -> None:
        stream = self._stream
        stream.thread_type = "SLICE" if self._options.follow is not None else "AUTO"
        rate = stream.average_rate or stream.guessed_rate
        self._length = _length(self._container, stream)
        self.info = VideoInfo(
            path=self._file if isinstance(self._file, str) else getattr(self._own, "name", None),
            width=stream.width,
            height=stream.height,
            frame_rate=float(rate) if rate else None,
            duration=self._length,
        )

    def _moments(self) -> Iterator[Moment]:
        for frame in self._decoded():
            yield Moment(time=self._clock.last, load=partial(self._pixels, frame))

    def _pixels(self, frame: VideoFrame) -> Any:
        _check_size(frame.width, frame.height, self._options.max_pixels)
        return self._convert(frame)

    def _decoded(self) -> Iterator[VideoFrame]:
        """Yield all frames from where the container stands; `self._clock` has the time of each."""
        for packet in self._packets():
            for frame in self._decode(packet):
                self._clock.tick(frame)
                if frame.is_corrupt:
                    self._damaged(self._clock.last, "damaged picture data")
                yield frame

    def _packets(self) -> Iterator[Packet[VideoStream] | None]:
        """Yield all packets, then one that asks the decoder for what it still has."""
        from av.error import FFmpegError

        packets = self._container.demux(self._stream)
        while True:
            try:
                with self._in_use:
                    packet = next(packets, None)
            except (FFmpegError, OSError) as error:
                self._damaged(self._clock.next, _reason(error))
                yield None
                return
            if packet is None:
                return
            yield packet

    def _decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        from av.error import FFmpegError

        try:
            with self._in_use:
                return self._stream.decode(packet)
        except FFmpegError as error:
            self._damaged(self._clock.next, _reason(error))
            return []

    def _spread(self, count: int) -> Iterator[Moment]:
        """Yield `count` moments evenly spread from start to end, seeking where that is quicker."""
        sampling = self._options.sampling
        if self._length is None or not isinstance(self._file, str):
            raise InputError("--frames needs a file that says how long it is: use --fps or --every")
        end = self._length if sampling.end is None else min(sampling.end, self._length)
        if end <= sampling.start:
            return
        moments = self._moments()
        current: Moment | None = None
        half = 0.5 * self._clock.spacing + 1e-6  # times are rounded to the ticks of the file
        for target in spread(count, sampling.start, end):
            given = current
            if self._can_seek and target - self._clock.next > _SEEK_WORTH:
                self._seek(target)
                moments = self._moments()
            while current is None or current.time < target - half:
                following = next(moments, None)
                if following is None:
                    break
                current = following
            if current is not None and current is not given:
                yield current

    def _seek(self, time: float) -> None:
        """Seek a key frame before `time`; where that fails, decoding goes on from where it is."""
        from av.error import FFmpegError

        base = self._stream.time_base
        if base is None:
            return
        place = max(time - _SEEK_BACK, 0.0) + self._clock.origin_of(self._stream, self._container)
        with suppress(FFmpegError):
            self._container.seek(math.floor(place / base), stream=self._stream)
            self._clock.jump()

    def _check_length(self) -> None:
        """Compare the end with the length in the header, for a file that was cut off may simply end."""
        end = self._clock.next
        if self._length is not None and isinstance(self._file, str) and self.damage is None:
            missing = self._length - end
            if missing > max(0.5, 2.5 * self._clock.spacing):
                self._damaged(end, f"the file ends here, and should last {self._length:.2f} s: it was cut off")

    def _damaged(self, time: float, reason: str) -> None:
        self.damage = add_damage(self.damage, time, reason)


def _open(file: str | GrowingStream, *, live: bool) -> InputContainer:
    import av
    from av.error import FFmpegError

    try:
        return av.open(file, mode="r", options=dict(LIVE_OPTIONS) if live else {}, metadata_errors="replace")
    except (FFmpegError, OSError, ValueError) as error:
        hint = "a cut-off or still growing MP4 has no index" if isinstance(error, ValueError) else "see the reason"
        raise InputError(f"not a video that can be read: {_reason(error)} ({hint})") from None


def _video_stream(container: InputContainer) -> VideoStream:
    """Return the first stream of moving pictures; the cover of a piece of music is none."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not (stream.disposition & Disposition.attached_pic) and stream.codec_context is not None:
            return stream
    kinds = sorted({stream.type for stream in container.streams})
    raise InputError(f"no video in this file: it has {' and '.join(kinds) or 'no stream'} only")


def _check_size(width: int, height: int, limit: int) -> None:
    if width * height > limit:
        raise ImageTooLargeError(
            f"frames of {width} x {height} = {width * height} pixels, above the limit of {limit}: "
            "raise it with --max-pixels"
        )


def _length(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the length of the video stream in seconds, as the file says."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / 1e6
    return None


def _reason(error: Exception) -> str:
    return (reason(error) or type(error).__name__).strip().rstrip(".").lower()
