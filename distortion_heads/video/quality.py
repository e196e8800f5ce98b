"""How good a video is: its mean, its worst second, and the curve between, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads.video.answers import VideoQuality
from distortion_heads.video.curves import CurveBins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from distortion_heads.answers import QualityResult
    from distortion_heads.video.answers import FrameResult

SECOND = 1.0


class QualityOverTime:
    """Takes the frames of a video in order; each holds from its time to that of the next."""

    def __init__(self) -> None:
        self._bins: CurveBins | None = None
        self._last: tuple[QualityResult, ...] = ()
        self._sums: NDArray[np.float64] = np.zeros(0)
        self._frames = 0

    def add(self, result: FrameResult, end: float) -> None:
        """Take a frame that is shown until `end`; one that could not be judged says nothing."""
        qualities = result.prediction.qualities
        if not qualities:
            return
        values = np.array([quality.value for quality in qualities])
        if self._bins is None:
            self._bins, self._sums = CurveBins(len(qualities)), np.zeros(len(qualities))
        self._bins.add(result.time, end, values.tolist())
        self._last, self._frames = qualities, self._frames + 1
        self._sums += values

    def answers(self) -> tuple[VideoQuality, ...]:
        """Return each head's answer for the whole video; nothing where no frame could be judged."""
        if self._bins is None:
            return ()
        curves = self._bins.curves()
        found = []
        for quality, total, curve in zip(self._last, self._sums, curves.values, strict=True):
            worst, place = worst_second(curve, curves.width)
            found.append(
                VideoQuality(
                    label=quality.label,
                    value=float(total / self._frames),
                    low=quality.low,
                    high=quality.high,
                    target=quality.target,
                    spread=float(np.nanstd(curve)),
                    worst=worst,
                    worst_time=curves.start + place * curves.width,
                    curve=curve,
                )
            )
        return tuple(found)


def worst_second(curve: Sequence[float] | NDArray[np.float32], width: float) -> tuple[float, int]:
    """Return the lowest mean of a second of bins of `width` seconds, and its first bin; NaN bins are left out.

    The whole curve is one where it is shorter; a bin that is longer stands for itself.
    """
    values = np.asarray(curve, np.float64)
    known = np.isfinite(values)
    bins = min(max(round(SECOND / width), 1), len(values))
    window = np.ones(bins)
    counts = np.convolve(known, window, "valid")
    sums = np.convolve(np.where(known, values, 0.0), window, "valid")
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    place = int(means.argmin())
    return float(means[place]), place
