"""How much of a small file is read: a few bytes can stand for hours of large frames, all alike."""

from __future__ import annotations

from pathlib import Path

from distortion_heads.io.small_files import SMALL_BYTES
from distortion_heads.io.video.growing import GrowingStream
from distortion_heads.io.video.options import DEFAULT_MAX_FRAMES

SMALL_PIXELS = 1_500_000_000
"""Pixels of all judged frames of a small file: 720 frames of 1920 x 1080."""

DECODED_SHARE = 8
"""So many frames that are only decoded cost as much as one that is judged."""


class FrameBudget:
    """Counts the pixels of the frames of `file`; whoever names `max_frames` has chosen, and is not bounded."""

    def __init__(self, file: str | GrowingStream, max_frames: int | None) -> None:
        self._file, self._bounded = file, max_frames is None
        self.most_frames = DEFAULT_MAX_FRAMES if max_frames is None else max_frames
        self._cost = 0

    def decoded(self, pixels: int) -> None:
        """Count a decoded frame."""
        self._cost += pixels // DECODED_SHARE

    def judged(self, pixels: int) -> None:
        """Count a frame that is judged."""
        self._cost += pixels

    @property
    def reason(self) -> str | None:
        """Return why no more of the file is read, or None."""
        if not self._bounded or self._cost <= SMALL_PIXELS or (size := self._size()) >= SMALL_BYTES:
            return None
        return (
            f"frames of {self._cost} pixels in all out of a file of {size / 1024:.0f} KiB, above the limit of "
            f"{SMALL_PIXELS} for small files: read on with --max-frames N, or judge fewer with --fps"
        )

    def _size(self) -> int:
        """Return the bytes of the file, or those that have come so far."""
        return Path(self._file).stat().st_size if isinstance(self._file, str) else self._file.bytes_read
