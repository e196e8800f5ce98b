"""Video files and pipes of encoded video to frames, through PyAV (FFmpeg's libraries, which are in its wheel)."""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from distortion_heads.errors import DheadsError, InputError
from distortion_heads.io.inputs import is_sequence
from distortion_heads.io.video.budget import FrameBudget
from distortion_heads.io.video.clock import FrameClock
from distortion_heads.io.video.color import RgbConverter
from distortion_heads.io.video.container import check_file, check_size, open_container, plain_reason, video_stream
from distortion_heads.io.video.deinterlace import COMBED, MENDED, CombWatch, Deinterlacer
from distortion_heads.io.video.growing import GrowingStream, PipeStream
from distortion_heads.io.video.length import beginning, is_whole, stated_length
from distortion_heads.io.video.options import Damage, Frame, Moment, VideoInfo, VideoOptions, VideoSource, add_damage
from distortion_heads.io.video.sampling import sample, spread
from distortion_heads.io.video.sequence import PictureSequence

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_CLOSE_TIMEOUT = 2.0

_SEEK_BACK = (1.0, 5.0, 20.0, math.inf)
"""Seconds before the wanted time, until a key frame is met: some formats land a little late."""

_SEEK_WORTH = 3.0
"""Seconds; over shorter distances decoding is as quick as seeking."""


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
    check_file(path)
    if options.follow is None:
        return EncodedVideo(path, options)
    stream = Path(path).open("rb")  # noqa: SIM115 - closed with the source
    try:
        return EncodedVideo(GrowingStream(stream, options.follow.patience), options, own=stream)
    except BaseException:
        stream.close()
        raise


class EncodedVideo:
    """A `VideoSource`; `own`, where `file` reads from it, is closed with it."""

    def __init__(self, file: str | GrowingStream, options: VideoOptions, own: BinaryIO | None = None) -> None:
        self._file, self._own, self._options = file, own, options
        self._in_use = threading.Lock()  # FFmpeg must not be closed while another thread is in it
        self.damage: Damage | None = None
        self.end: float | None = None
        self._container = open_container(file, live=options.follow is not None)
        try:
            self._stream = video_stream(self._container)
            self._budget = FrameBudget(file, options.max_frames)
            check_size(self._stream.width, self._stream.height, self._budget.most_pixels(options.max_pixels))
            self._prepare()
        except BaseException:
            self.close()
            raise
        self._convert = RgbConverter()
        self._combs = CombWatch()
        self._deinterlacer = Deinterlacer() if options.deinterlace else None

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a user should know of how the video was read."""
        combed = (MENDED if self._options.deinterlace else COMBED,) if self._combs.interlaced else ()
        return (*self._lost_beginning, *self._convert.notes, *combed)

    def frames(self) -> Iterator[Frame]:
        """Yield the frames that are asked for; what cannot be decoded is left out and counted in `damage`."""
        sampling = self._options.sampling
        if sampling.frames is not None:
            chosen = self._spread(sampling.frames)
        else:
            if sampling.start > _SEEK_WORTH and self._can_seek:
                self._seek(sampling.start)
            chosen = sample(self._moments(), sampling)
        index, most = 0, self._budget.most_frames
        for moment in chosen:
            if index >= most:
                self._damaged(moment.time, f"more than {most} frames: raise the limit with --max-frames, or use --fps")
                self.end = moment.time
                return
            try:
                pixels = moment.load()
            except InputError as error:  # what was read before it stays
                self._damaged(moment.time, str(error))
                continue
            self._budget.judged(pixels.shape[1], pixels.shape[0])
            yield Frame(index=index, time=moment.time, pixels=pixels, key_frame=moment.key_frame)
            index += 1
        self.end = self._clock.next
        if sampling.end is None and sampling.frames is None:
            self._check_length()
        if self.damage is not None and self._read_on:
            self.damage = replace(self.damage, read_on=True)

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
        in_order = self._container.format.name == "avi"
        self._can_seek = isinstance(self._file, str) and not in_order
        self._clock = FrameClock(float(rate) if rate else None)
        self._broken = self._read_on = False
        self._demuxed = self._container.demux(stream)
        self._first = self._next_packet()  # it says where the stream begins; the header may not, or mean the sound
        self._lost_beginning: tuple[str, ...] = ()
        origin = None if in_order else beginning(self._container, stream, self._first)
        self._length = stated_length(self._container, stream, origin)
        self._clock = FrameClock(float(rate) if rate else None, origin=origin, in_order=in_order)
        self.info = VideoInfo(
            path=self._file if isinstance(self._file, str) else getattr(self._own, "name", None),
            width=stream.width,
            height=stream.height,
            frame_rate=float(rate) if rate else None,
            duration=self._length,
        )

    def _moments(self) -> Iterator[Moment]:
        for time, frame in self._decoded():
            yield Moment(time=time, load=partial(self._pixels, time, frame), key_frame=bool(frame.key_frame))

    def _pixels(self, time: float, frame: VideoFrame) -> Any:
        check_size(frame.width, frame.height, self._budget.most_pixels(self._options.max_pixels))
        try:
            return self._convert(frame)
        except DheadsError:
            raise
        except Exception as error:
            raise InputError(f"its picture at {time:.2f} s cannot be converted: {plain_reason(error)}") from error

    def _decoded(self) -> Iterator[tuple[float, VideoFrame]]:
        """Yield all frames from where the container stands, whole ones if that is asked for, and their times."""
        times: deque[float] = deque()
        for frame in self._as_stored():
            if self._deinterlacer is None:
                yield self._clock.last, frame
                continue
            times.append(self._clock.last)
            for whole in self._deinterlacer.add(frame):
                yield times.popleft(), whole
        for whole in [] if self._deinterlacer is None else self._deinterlacer.finish():
            yield times.popleft(), whole

    def _as_stored(self) -> Iterator[VideoFrame]:
        """Yield all frames from where the container stands; `self._clock` has the time of each."""
        for packet in self._packets():
            for frame in self._decode(packet):
                if (reason := self._budget.reason) is not None:
                    self._damaged(self._clock.next, reason)
                    return
                self._budget.decoded(frame.width, frame.height)
                self._clock.tick(frame)
                self._combs.add(frame)
                if self._first is not None and not self._first.is_keyframe:
                    self._tell_beginning()
                self._first = None
                if frame.is_corrupt:
                    self._damaged(self._clock.last, "damaged picture data")
                else:
                    self._read_on = True
                yield frame

    def _tell_beginning(self) -> None:
        """Say what is missing before the first frame of a stream that begins between key frames."""
        lost = self._clock.last
        if lost - self._options.sampling.start > 0.5 * self._clock.spacing:
            text = f"the first {lost:.2f} s cannot be decoded: the stream begins between two key frames"
            self._lost_beginning = (text,)

    def _packets(self) -> Iterator[Packet[VideoStream] | None]:
        """Yield all packets; the last, which is empty, asks the decoder for what it still has."""
        packet = self._first or self._next_packet()
        while packet is not None:
            yield packet
            packet = self._next_packet()
        if self._broken:
            yield None

    def _next_packet(self) -> Packet[VideoStream] | None:
        try:
            with self._in_use:
                return next(self._demuxed, None)
        except Exception as error:  # FFmpeg's errors, and an IndexError where a stream appears late
            self._broken = True
            self._damaged(self._clock.next, plain_reason(error))
            return None

    def _decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        try:
            with self._in_use:
                return self._stream.decode(packet)
        except Exception as error:  # FFmpeg's errors, and what PyAV makes of values that it does not know
            if self._first is None or self._first.is_keyframe:  # else what precedes the first key frame
                self._damaged(self._clock.next, plain_reason(error))
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
        with suppress(FFmpegError):
            for back in _SEEK_BACK:  # transport streams land on any packet, and what precedes a key frame is lost
                place = max(time - back, 0.0) + self._clock.origin
                self._container.seek(math.floor(place / base), stream=self._stream)
                self._demuxed, self._first = self._container.demux(self._stream), None
                self._clock.jump()
                self._first = self._next_packet()
                if self._first is not None and self._first.is_keyframe:
                    break
        if self._deinterlacer is not None:
            self._deinterlacer.finish()

    def _check_length(self) -> None:
        """Compare the end with the length in the header, for a file that was cut off may simply end."""
        if self._length is None or not isinstance(self._file, str) or self.damage is not None:
            return
        end = self._clock.next
        if self._length - end <= max(0.5, 2.5 * self._clock.spacing):
            return
        if is_whole(self._file):  # the last picture is shown for so long
            self.end = self._length
        else:
            self._damaged(end, f"the file ends here, and should last {self._length:.2f} s: it was cut off")

    def _damaged(self, time: float, reason: str) -> None:
        self.damage, self._read_on = add_damage(self.damage, time, reason), False
