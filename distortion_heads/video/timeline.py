"""Frame results to the answer for a video, in memory that does not grow with the number of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads.head import HeadFile
from distortion_heads.io.video.options import SegmentRule
from distortion_heads.spec import TEMPORAL
from distortion_heads.video.answers import Curves, Event, FrameResult, VideoHead
from distortion_heads.video.segments import SegmentTracker
from distortion_heads.views.runs import REACH

if TYPE_CHECKING:
    from distortion_heads.answers import HeadResult

BINS = 1024
FIRST_WIDTH = 1 / 32
"""Seconds of a bin before the first doubling."""


class Timeline:
    """The answer for one video, made of its frames in order; each call returns the events that it makes known."""

    def __init__(self, heads: Sequence[HeadFile], rule: SegmentRule) -> None:
        self._trackers = [
            SegmentTracker(head.label, head.family, head.threshold.value, _rule_for(head, rule)) for head in heads
        ]
        self._totals = _Totals(len(heads))
        self._curves = CurveBins(len(heads))
        self.last: FrameResult | None = None
        self._spacing = 0.0
        self.first: FrameResult | None = None
        self.end = 0.0

    @property
    def frames(self) -> int:
        return self._totals.frames

    def add(self, result: FrameResult) -> tuple[Event, ...]:
        """Take the next frame; events lag by one, since the next frame shows how long one lasts."""
        events: tuple[Event, ...] = ()
        if self.last is not None:
            self._spacing = result.time - self.last.time
            events = self._settle(self.last, result.time)
        else:
            self.first = result
        self._totals.add(result)
        self.last = result
        return events

    def finish(self, spacing: float | None = None, limit: float | None = None) -> tuple[Event, ...]:
        """End the video: its last frame lasts `spacing` seconds (None: as the one before), to `limit` at most."""
        if self.last is None:
            return ()
        end = self.last.time + (spacing if spacing is not None else self._spacing)
        if limit is not None and limit > self.last.time:
            end = min(end, limit)
        events = self._settle(self.last, end)
        return (*events, *(event for tracker in self._trackers for event in tracker.close(self.end)))

    def heads(self) -> tuple[VideoHead, ...]:
        """Return each head's answer for the whole video; call it after `finish`."""
        assert self.last is not None
        return tuple(self._head(row, result) for row, result in enumerate(self.last.prediction.heads))

    def curves(self) -> Curves:
        return self._curves.curves()

    def _settle(self, result: FrameResult, end: float) -> tuple[Event, ...]:
        self.end = end
        heads = result.prediction.heads
        self._curves.add(result.time, end, [head.probability for head in heads])
        return tuple(
            event
            for tracker, head in zip(self._trackers, heads, strict=True)
            for event in tracker.feed(result.time, end, head.probability, head.severity)
        )

    def _head(self, row: int, result: HeadResult) -> VideoHead:
        totals = self._totals
        probability = totals.probability[row] / totals.frames
        severity = None
        if result.severity is not None:
            weight = totals.probability[row]
            severity = float(totals.weighted[row] / weight if weight > 0 else totals.severity[row] / totals.frames)
        return VideoHead(
            label=result.label,
            family=result.family,
            probability=float(probability),
            threshold=result.threshold,
            present=bool(probability >= result.threshold),
            severity=severity,
            share=float(totals.affected[row] / totals.frames),
            peak=float(totals.peak[row]),
            peak_time=float(totals.peak_time[row]),
            scope=result.scope,
            segments=tuple(self._trackers[row].segments),
        )


class _Totals:
    """Sums over the frames, one place per head."""

    def __init__(self, heads: int) -> None:
        self.frames = 0
        self.probability, self.weighted, self.severity, self.affected = (np.zeros(heads) for _ in range(4))
        self.peak, self.peak_time = np.full(heads, -1.0), np.zeros(heads)

    def add(self, result: FrameResult) -> None:
        heads = result.prediction.heads
        probability = np.array([head.probability for head in heads])
        severity = np.array([0.0 if head.severity is None else head.severity for head in heads])
        self.frames += 1
        self.probability += probability
        self.weighted += probability * severity
        self.severity += severity
        self.affected += [head.present for head in heads]
        higher = probability > self.peak
        self.peak[higher] = probability[higher]
        self.peak_time[higher] = result.time


def _rule_for(head: HeadFile, rule: SegmentRule) -> SegmentRule:
    """Return the rule for a head: one that reads a run of frames can tell nothing of what is shorter than its run."""
    if head.view != TEMPORAL:
        return rule
    return replace(rule, min_length=max(rule.min_length, 2 * REACH))


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
