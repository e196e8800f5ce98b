"""How much of a small file is read: a few bytes can stand for hours of large frames, all alike."""

from __future__ import annotations

from pathlib import Path

from distortion_heads.io.small_files import SMALL_BYTES
from distortion_heads.io.video.growing import GrowingStream
from distortion_heads.io.video.options import DEFAULT_MAX_FRAMES, DEFAULT_MAX_PIXELS

SMALL_PIXELS = 800_000_000
"""Pixels of all judged frames of a small file: 385 frames of 1920 x 1080."""

SMALL_FRAME = DEFAULT_MAX_PIXELS // 2
"""Pixels of one frame of a small file: 8K."""

DECODED_SHARE = 8
"""So many frames that are only decoded cost as much as one that is judged."""


class FrameBudget:
    """Counts the pixels of the frames of `file`.

    Whoever names `max_frames` has chosen, and a stream is as long as its writer wants: neither is bounded.
    """

    def __init__(self, file: str | GrowingStream, max_frames: int | None) -> None:
        self._bytes = Path(file).stat().st_size if isinstance(file, str) else None
        self._is_small = self._bytes is not None and self._bytes < SMALL_BYTES
        self._bounded = self._is_small and max_frames is None
        self.most_frames = DEFAULT_MAX_FRAMES if max_frames is None else max_frames
        self._cost = 0

    def most_pixels(self, max_pixels: int) -> int:
        """Return how many pixels a frame may have: `max_pixels`, or less of a small file if nobody has chosen them."""
        return SMALL_FRAME if self._is_small and max_pixels == DEFAULT_MAX_PIXELS else max_pixels

    def decoded(self, pixels: int) -> None:
        """Count a decoded frame."""
        self._cost += pixels // DECODED_SHARE

    def judged(self, pixels: int) -> None:
        """Count a frame that is judged."""
        self._cost += pixels

    @property
    def reason(self) -> str | None:
        """Return why no more of the file is read, or None."""
        if not self._bounded or self._cost <= SMALL_PIXELS:
            return None
        return (
            f"frames of over {SMALL_PIXELS} pixels out of {(self._bytes or 0) / 1024:.0f} KiB, the limit for files "
            "below 1 MiB: read on with --max-frames N, or judge fewer with --fps"
        )
