"""The times of decoded frames: those in the container, made to run forwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

FALLBACK_RATE = 25.0
"""Frames/s of a stream that does not say."""


class FrameClock:
    """Seconds from `origin`, the stamp at which the stream begins; without one, the first frame that comes is at 0.

    Frames without a time stamp, or with one that goes back, follow the last. With `in_order` the container (AVI) stores
    no display times, and the decoding times serve instead.
    """

    def __init__(self, rate: float | None, *, origin: float | None = None, in_order: bool = False) -> None:
        self._in_order = in_order
        self.spacing = 1.0 / (rate or FALLBACK_RATE)
        self.last = 0.0
        self._origin = origin
        self._lasts: float | None = None
        self._begun = False
        self._shift = 0.0

    @property
    def next(self) -> float:
        """Return when the last frame ends: after the duration that the file gives it, else after the usual one."""
        if not self._begun:
            return self.last
        return self.last + (self.spacing if self._lasts is None else self._lasts)

    @property
    def origin(self) -> float:
        """Return the stamp of time 0, in seconds."""
        return self._origin or 0.0

    def jump(self) -> None:
        """Let times go back, after a seek."""
        self._begun = False

    def tick(self, frame: VideoFrame) -> None:
        """Take the next frame: `last` is its time from now on."""
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
        self._lasts = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else None
        self.last, self._begun = now, True
