"""How much of a small file is read: a few bytes can stand for hours of large frames, all alike."""

from __future__ import annotations

from pathlib import Path

from distortion_heads.io.small_files import SMALL_BYTES, padded_pixels
from distortion_heads.io.time_limit import TimeLimit
from distortion_heads.io.video.growing import GrowingStream
from distortion_heads.io.video.options import DEFAULT_MAX_FRAMES, DEFAULT_MAX_PIXELS

SMALL_PIXELS = 850_000_000
"""Pixels of all judged frames that any small file may have: 16 s of 1920 x 1080 at 25 frames/s."""

PIXELS_PER_BYTE = 16_384
"""A small file may have so many if that is more. Slides have 8,000, camera pictures far fewer, all-alike 4K 90,000."""

SMALL_FRAME = DEFAULT_MAX_PIXELS // 2
"""Pixels of one frame of a small file: 8K."""

DECODED_SHARE = 8
"""So many frames that are only decoded cost as much as one that is judged."""


class FrameBudget:
    """Counts the pixels of the frames of `file`, and the time that they take.

    Whoever names `max_frames` has chosen how many pixels, and a stream is as long as its writer wants.
    """

    def __init__(self, file: str | GrowingStream, max_frames: int | None) -> None:
        size = Path(file).stat().st_size if isinstance(file, str) else None
        self._bytes = size or 0
        self._is_small = size is not None and size < SMALL_BYTES
        self._most = max(SMALL_PIXELS, PIXELS_PER_BYTE * self._bytes)
        self._bounded = self._is_small and max_frames is None
        self._time = None if size is None else TimeLimit(size)
        self.most_frames = DEFAULT_MAX_FRAMES if max_frames is None else max_frames
        self._cost = 0

    def most_pixels(self, max_pixels: int) -> int:
        """Return how many pixels a frame may have: `max_pixels`, or less of a small file if nobody has chosen them."""
        return SMALL_FRAME if self._is_small and max_pixels == DEFAULT_MAX_PIXELS else max_pixels

    def decoded(self, width: int, height: int) -> None:
        """Count a decoded frame."""
        self._cost += padded_pixels(width, height) // DECODED_SHARE

    def judged(self, width: int, height: int) -> None:
        """Count a frame that is judged, which was counted as decoded."""
        pixels = padded_pixels(width, height)
        self._cost += pixels - pixels // DECODED_SHARE

    @property
    def reason(self) -> str | None:
        """Return why no more of the file is read, or None."""
        if self._bounded and self._cost > self._most:
            return (
                f"frames of over {self._most} pixels out of {self._bytes / 1024:.0f} KiB, the limit for files "
                "below 1 MiB: read on with --max-frames N, or judge fewer with --fps"
            )
        return None if self._time is None else self._time.reason
