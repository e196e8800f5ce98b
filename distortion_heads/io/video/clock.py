"""The times of decoded frames: those in the container, made to run forwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

FALLBACK_RATE = 25.0
"""Frames/s of a stream that does not say."""


class FrameClock:
    """Seconds from the start of the video; frames without a time stamp, or with one that goes back, follow the last.

    With `in_order` the container (AVI) stores no display times, and the decoding times serve instead.
    """

    def __init__(self, rate: float | None, *, in_order: bool = False) -> None:
        self._in_order = in_order
        self.spacing = 1.0 / (rate or FALLBACK_RATE)
        self.last = 0.0
        self._origin: float | None = None
        self._begun = False
        self._shift = 0.0

    @property
    def next(self) -> float:
        """Return when the frame after the last one is due."""
        return self.last + self.spacing if self._begun else self.last

    def origin_of(self, stream: VideoStream, container: InputContainer) -> float:
        if self._origin is None and stream.start_time is not None and stream.time_base is not None:
            self._origin = float(stream.start_time * stream.time_base)
        elif self._origin is None and container.start_time is not None:
            self._origin = container.start_time / 1e6
        return self._origin or 0.0

    def jump(self) -> None:
        """Let times go back, after a seek."""
        self._begun = False

    def tick(self, frame: VideoFrame) -> None:
        expected = self.next
        ticks = frame.dts if self._in_order else frame.pts
        if ticks is None or frame.time_base is None:
            now = expected
        else:
            stamp = float(ticks * frame.time_base)
            if self._origin is None:
                self._origin = stamp
            now = stamp - self._origin + self._shift
            if self._begun and now <= self.last:
                self._shift += expected - now
                now = expected
        if self._begun and now > self.last:
            self.spacing = now - self.last
        self.last, self._begun = now, True
