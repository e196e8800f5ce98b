"""Probabilities over time to segments, one head at a time: hysteresis, bridged gaps, minimum length."""

from __future__ import annotations

from distortion_heads.io.video.options import SegmentRule
from distortion_heads.video.answers import Event, EventKind, Segment

_EPSILON = 1e-6
"""Seconds: time stamps are rounded to the container's clock."""


class _Part:
    """A stretch of affected frames, gaps inside it included."""

    def __init__(self, onset: float) -> None:
        self.onset = self.offset = onset
        self.peak, self.peak_time = -1.0, onset
        self.announced = False
        self._time = self._probability = self._severity = self._weight = 0.0

    @property
    def length(self) -> float:
        return self.offset - self.onset

    @property
    def mean(self) -> float:
        return self._probability / self._time

    def add(self, onset: float, offset: float, probability: float, severity: float | None) -> None:
        self.offset = offset
        seconds = max(offset - onset, _EPSILON)
        self._time += seconds
        self._probability += probability * seconds
        if severity is not None:
            self._severity += severity * probability * seconds
            self._weight += probability * seconds
        if probability > self.peak:
            self.peak, self.peak_time = probability, onset

    def absorb(self, later: _Part) -> None:
        self.offset = later.offset
        self.announced |= later.announced
        self._time += later._time
        self._probability += later._probability
        self._severity += later._severity
        self._weight += later._weight
        if later.peak > self.peak:
            self.peak, self.peak_time = later.peak, later.peak_time

    def segment(self) -> Segment:
        return Segment(
            onset=self.onset,
            offset=self.offset,
            peak=self.peak,
            peak_time=self.peak_time,
            probability=self.mean,
            severity=self._severity / self._weight if self._weight > 0 else None,
        )


class SegmentTracker:
    """The segments of one head, found frame by frame (see `SegmentRule`).

    A segment is announced ("onset") `min_length` after it began, as soon as its mean is high enough; its end is known
    ("offset") at most 2 * `merge_gap` after it ended. If the mean is too low by then, it is "withdrawn".
    """

    def __init__(self, label: str, family: str, threshold: float, rule: SegmentRule) -> None:
        self.segments: list[Segment] = []
        self._label, self._family, self._rule = label, family, rule
        self._high, self._low = threshold, rule.lower(threshold)
        self._waiting: _Part | None = None  # has ended, but what comes next may belong to it
        self._run: _Part | None = None  # goes on

    def feed(self, onset: float, offset: float, probability: float, severity: float | None) -> list[Event]:
        """Take the next frame, shown from `onset` to `offset`, and return the events that it makes known."""
        events: list[Event] = []
        if probability >= self._low:
            if self._run is None:
                self._begin(onset, events)
            assert self._run is not None
            self._run.add(onset, offset, probability, severity)
            self._bridge()
        else:
            self._end_run(offset, events)
            if self._waiting is not None and not self._may_go_on(self._waiting, offset):
                self._finish(offset, events)
        self._announce(offset, events)
        return events

    def close(self, time: float) -> list[Event]:
        """End the video at `time` and return the last events."""
        events: list[Event] = []
        self._end_run(time, events)
        self._finish(time, events)
        return events

    def _begin(self, onset: float, events: list[Event]) -> None:
        if self._waiting is not None and not self._may_go_on(self._waiting, onset):
            self._finish(onset, events)
        self._run = _Part(onset)

    def _may_go_on(self, part: _Part, time: float) -> bool:
        gap = time - part.offset
        return gap <= self._rule.merge_gap + _EPSILON and gap < part.length - _EPSILON

    def _bridge(self) -> None:
        run, before = self._run, self._waiting
        if run is not None and before is not None and run.length > run.onset - before.offset + _EPSILON:
            before.absorb(run)
            self._run, self._waiting = before, None

    def _end_run(self, time: float, events: list[Event]) -> None:
        run, self._run = self._run, None
        if run is None or (self._waiting is not None and not self._counts(run)):
            return
        self._finish(time, events)
        self._waiting = run

    def _counts(self, part: _Part) -> bool:
        long_enough = part.length >= self._rule.min_length - _EPSILON
        return long_enough and part.peak >= self._high and part.mean >= self._high - _EPSILON

    def _announce(self, time: float, events: list[Event]) -> None:
        run = self._run
        if run is not None and self._waiting is None and not run.announced and self._counts(run):
            run.announced = True
            events.append(self._event("onset", time, run.segment()))

    def _finish(self, time: float, events: list[Event]) -> None:
        part, self._waiting = self._waiting, None
        if part is None:
            return
        segment = part.segment()
        if not self._counts(part):
            if part.announced:
                events.append(self._event("withdrawn", time, segment))
            return
        self.segments.append(segment)
        if not part.announced:
            events.append(self._event("onset", time, segment))
        events.append(self._event("offset", time, segment))

    def _event(self, kind: EventKind, time: float, segment: Segment) -> Event:
        return Event(kind=kind, label=self._label, family=self._family, time=time, segment=segment)
