"""Frame results to the answer for a video, in memory that does not grow with the number of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads.backbones.familiarity import NOTE
from distortion_heads.heads.head import HeadFile
from distortion_heads.io.video.options import SegmentRule
from distortion_heads.spec import TEMPORAL
from distortion_heads.video.answers import Curves, Event, FrameResult, VideoHead, VideoQuality
from distortion_heads.video.curves import CurveBins
from distortion_heads.video.quality import QualityOverTime
from distortion_heads.video.segments import SegmentTracker
from distortion_heads.views.runs import REACH

if TYPE_CHECKING:
    from distortion_heads.answers import HeadResult


class Timeline:
    """The answer for one video, made of its frames in order; each call returns the events that it makes known."""

    def __init__(self, heads: Sequence[HeadFile], rule: SegmentRule) -> None:
        self._trackers = [
            SegmentTracker(head.label, head.family, head.threshold.value, _rule_for(head, rule)) for head in heads
        ]
        self._totals = _Totals(len(heads))
        self._curves = CurveBins(len(heads))
        self._quality = QualityOverTime()
        self.last: FrameResult | None = None
        self._spacing = 0.0
        self.first: FrameResult | None = None
        self.end = 0.0

    @property
    def frames(self) -> int:
        return self._totals.frames

    @property
    def windows(self) -> int:
        """Return how many windows were read of a frame that was judged."""
        return self._totals.windows

    @property
    def fast(self) -> bool:
        """Return whether frames have more windows than that."""
        return self._totals.fast

    @property
    def unfamiliar(self) -> bool:
        """Return whether most frames are unlike the photographs that the heads were made on."""
        return 2 * self._totals.unfamiliar > self.frames

    @property
    def reason(self) -> str | None:
        """Return why no frame was judged; None if one was."""
        return self._totals.reason if self._totals.unjudged == self.frames else None

    @property
    def remarks(self) -> tuple[str, ...]:
        """Return those of the first frame, how many show too little, and whether most are unfamiliar."""
        blank, why = self._totals.unjudged, self._totals.reason
        little = [f"{blank} of {self.frames} frames were not judged: {why}"] if blank and not self.reason else []
        first = () if self.first is None else self.first.prediction.remarks
        return (*(note for note in first if note != NOTE), *little, *([NOTE] if self.unfamiliar else []))

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

    def qualities(self) -> tuple[VideoQuality, ...]:
        """Return how good the whole video is; call it after `finish`."""
        return self._quality.answers()

    def curves(self) -> Curves:
        return self._curves.curves()

    def _settle(self, result: FrameResult, end: float) -> tuple[Event, ...]:
        self.end = end
        heads = result.prediction.heads
        self._curves.add(result.time, end, [head.probability for head in heads])
        self._quality.add(result, end)
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
        self.frames = self.windows = self.unfamiliar = self.unjudged = 0
        self.fast = False
        self.reason: str | None = None  # of the first that was not judged
        self.probability, self.weighted, self.severity, self.affected = (np.zeros(heads) for _ in range(4))
        self.peak, self.peak_time = np.full(heads, -1.0), np.zeros(heads)

    def add(self, result: FrameResult) -> None:
        heads = result.prediction.heads
        probability = np.array([head.probability for head in heads])
        severity = np.array([0.0 if head.severity is None else head.severity for head in heads])
        self.frames += 1
        self.windows = max(self.windows, result.prediction.windows)
        self.fast |= result.prediction.fast
        self.unfamiliar += result.prediction.unfamiliar
        if not result.prediction.judged:
            self.unjudged += 1
            self.reason = self.reason or result.prediction.reason
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
