"""Curves over time in a fixed number of bins, whatever the length of a video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from distortion_heads.video.answers import Curves

BINS = 1024
FIRST_WIDTH = 1 / 32
"""Seconds of a bin before the first doubling."""


class CurveBins:
    """Time-weighted means in at most `BINS` bins; when these are full, each two neighbours become one."""

    def __init__(self, heads: int) -> None:
        self._start: float | None = None
        self._width = FIRST_WIDTH
        self._sums = np.zeros((heads, BINS))
        self._seconds = np.zeros(BINS)
        self._used = 0

    def add(self, onset: float, end: float, values: Sequence[float]) -> None:
        """Add `values`, which hold from `onset` to `end`."""
        if self._start is None:
            self._start = onset
        while (end - self._start) > self._width * BINS:
            self._double()
        first = min(int((onset - self._start) / self._width), BINS - 1)
        last = min(max(int(np.ceil((end - self._start) / self._width)), first + 1), BINS)
        edges = self._start + self._width * np.arange(first, last + 1)
        overlap = np.maximum(np.minimum(edges[1:], end) - np.maximum(edges[:-1], onset), 1e-9)
        self._sums[:, first:last] += np.multiply.outer(values, overlap)
        self._seconds[first:last] += overlap
        self._used = max(self._used, last)

    def curves(self) -> Curves:
        with np.errstate(invalid="ignore", divide="ignore"):
            values: NDArray[np.float64] = self._sums[:, : self._used] / self._seconds[: self._used]
        return Curves(start=self._start or 0.0, width=self._width, values=values.astype(np.float32))

    def _double(self) -> None:
        half = BINS // 2
        self._width *= 2
        self._used = -(-self._used // 2)
        for array in (self._sums, self._seconds):
            array[..., :half] = array[..., 0::2] + array[..., 1::2]
            array[..., half:] = 0
