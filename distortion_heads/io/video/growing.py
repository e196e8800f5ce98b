"""Bytes that are still being written, in a growing file or a pipe; for PyAV, which calls `read`."""

from __future__ import annotations

import os
import select
import stat
import sys
import threading
import time
from typing import BinaryIO

POLL = 0.05
"""Seconds between two looks at a file's end."""

LIVE_OPTIONS = {"probesize": "500000", "analyzeduration": "500000"}
"""FFmpeg's options: begin after half a second of the stream at most, not after five."""


class GrowingStream:
    """A file that is read on as it grows, until `patience` idle seconds have passed or `stop` is called.

    It has no `seek`, so that nothing looks for an index at the end. The end of a pipe is where its writer ends it.
    """

    def __init__(self, stream: BinaryIO, patience: float | None = None) -> None:
        self._descriptor, self._patience = stream.fileno(), patience
        self._is_pipe = not stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        self._stopped = threading.Event()

    def read(self, size: int = -1) -> bytes:
        """Return what there is, at most `size` bytes and at least one; b"" at the end."""
        idle = time.monotonic()
        while not self._stopped.is_set():
            if self._is_pipe and not _has_news(self._descriptor):
                data = b""
            else:
                data = os.read(self._descriptor, size if size > 0 else 1 << 16)
                if data or self._is_pipe:
                    return data
                self._stopped.wait(POLL)
            if self._patience is not None and time.monotonic() - idle >= self._patience:
                self._stopped.set()  # FFmpeg asks several times before it takes an end for one
        return b""

    def stop(self) -> None:
        """End `read`, from another thread."""
        self._stopped.set()


class PipeStream(GrowingStream):
    """A pipe or another stream that is read in order, to its end."""

    def read(self, size: int = -1) -> bytes:
        if self._is_pipe:
            return super().read(size)
        return b"" if self._stopped.is_set() else os.read(self._descriptor, size if size > 0 else 1 << 16)


def _has_news(descriptor: int) -> bool:
    """Return whether a read would return at once, after a moment's wait; where that is unknown (Windows), True."""
    if sys.platform == "win32":
        return True
    return bool(select.select([descriptor], [], [], POLL)[0])


class Lag:
    """The seconds by which answers are behind the stream; 0 for a stream that comes faster than it plays."""

    def __init__(self) -> None:
        self._least: float | None = None

    def behind(self, frame_time: float, now: float | None = None) -> float:
        ahead = (time.monotonic() if now is None else now) - frame_time
        self._least = ahead if self._least is None else min(self._least, ahead)
        return ahead - self._least
