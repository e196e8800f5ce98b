"""Segments: hysteresis, bridged gaps, minimum length, and when they become known."""

from __future__ import annotations

import pytest

from distortion_heads.io.video.options import SegmentRule
from distortion_heads.video.answers import Event, Segment
from distortion_heads.video.segments import SegmentTracker

RULE = SegmentRule(low=0.6, min_length=0.5, merge_gap=0.5)
SPACING = 0.1


def track(values: str, rule: SegmentRule = RULE) -> tuple[list[Segment], list[Event]]:
    """Frames every 0.1 s: `#` is above the threshold of 0.5, `+` between low and high, `.` below."""
    tracker = SegmentTracker("blur", "blur", 0.5, rule)
    events: list[Event] = []
    for i, letter in enumerate(values):
        probability = {"#": 0.8, "+": 0.4, ".": 0.1}[letter]
        events += tracker.feed(i * SPACING, (i + 1) * SPACING, probability, 2.0)
    events += tracker.close(len(values) * SPACING)
    return tracker.segments, events


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("....######....", [(0.4, 1.0)]),
        ("######", [(0.0, 0.6)]),
        ("...++##++++...", [(0.3, 1.1)]),  # as long as it is above the low threshold
        ("...++##+++++...", []),  # but its mean must reach the high one
        ("...+++++++++...", []),  # never above the high one
        ("....####....", []),  # too short
        ("#.#.#.#.#.#.#.#.#.#.", []),  # flicker
        ("##..##..##..##..##..", []),
        ("######..######", [(0.0, 1.4)]),  # bridged
        ("######......######", [(0.0, 0.6), (1.2, 1.8)]),  # the gap is longer than merge_gap
        ("######...#...#...", [(0.0, 0.6)]),  # specks after a segment do not extend it
        ("#...#...######", [(0.8, 1.4)]),  # nor before it
        ("###.###", [(0.0, 0.7)]),  # parts that are too short make one that is long enough
        ("######.#######.######", [(0.0, 2.1)]),
        ("", []),
    ],
)
def test_segments(values: str, expected: list[tuple[float, float]]) -> None:
    found, _ = track(values)
    assert [(round(s.onset, 6), round(s.offset, 6)) for s in found] == expected


def test_a_gap_of_just_the_limit_is_bridged_and_one_frame_more_is_not() -> None:
    (bridged,), _ = track("########.....########")
    assert bridged.offset == pytest.approx(2.1)
    assert len(track("########......########")[0]) == 2


def test_figures_are_those_of_the_affected_frames() -> None:
    tracker = SegmentTracker("blur", "blur", 0.5, SegmentRule(min_length=0, merge_gap=0.2))
    frames = [(0.6, 1.0), (0.9, 4.0), (0.0, 5.0), (0.6, 2.0), (0.6, 2.0)]
    for i, (probability, severity) in enumerate(frames):
        tracker.feed(float(i) / 10, (i + 1) / 10, probability, severity)
    tracker.close(0.5)
    (segment,) = tracker.segments
    assert (segment.peak, segment.peak_time) == (0.9, 0.1)
    assert segment.probability == pytest.approx((0.6 + 0.9 + 0.6 + 0.6) / 4)
    assert segment.severity == pytest.approx((0.6 * 1 + 0.9 * 4 + 0.6 * 2 + 0.6 * 2) / 2.7)


def test_a_head_without_severity_gives_none() -> None:
    tracker = SegmentTracker("blur", "blur", 0.5, RULE)
    tracker.feed(0.0, 2.0, 0.9, None)
    tracker.close(2.0)
    assert tracker.segments[0].severity is None


def test_an_onset_is_told_as_soon_as_the_segment_is_long_enough_and_its_end_within_twice_the_gap() -> None:
    _, events = track("....##########....................")
    assert [(event.kind, round(event.segment.onset, 6)) for event in events] == [("onset", 0.4), ("offset", 0.4)]
    onset, offset = events
    assert onset.time == pytest.approx(0.4 + RULE.min_length)
    assert 1.4 < offset.time <= 1.4 + 2 * RULE.merge_gap + SPACING + 1e-6
    assert offset.segment.offset == pytest.approx(1.4)


@pytest.mark.parametrize("values", ["####.#####..######", "######.##...########", "#.#####.#..####.#####....#####"])
def test_every_segment_has_one_onset_and_one_offset(values: str) -> None:
    found, events = track(values)
    assert found
    assert [e.segment for e in events if e.kind == "offset"] == found
    assert [round(e.segment.onset, 6) for e in events if e.kind == "onset"] == [round(s.onset, 6) for s in found]


def test_longer_frames_count_by_their_time() -> None:
    tracker = SegmentTracker("blur", "blur", 0.5, RULE)
    tracker.feed(0.0, 10.0, 0.9, 1.0)  # one frame of a slide show
    tracker.feed(10.0, 20.0, 0.1, 1.0)
    tracker.close(20.0)
    assert [(s.onset, s.offset) for s in tracker.segments] == [(0.0, 10.0)]


@pytest.mark.parametrize(("threshold", "lower"), [(0.0, 0.0), (0.2, 0.1186), (0.5, 0.35), (0.8, 0.6829), (1.0, 1.0)])
def test_the_lower_threshold_follows_the_odds_of_the_threshold(threshold: float, lower: float) -> None:
    assert SegmentRule(low=0.7).lower(threshold) == pytest.approx(lower, abs=1e-4)
    assert SegmentRule(low=1.0).lower(threshold) == pytest.approx(threshold)


def test_a_probability_far_below_a_high_threshold_ends_a_segment() -> None:
    """Half a second of alarm on an even road made four seconds of it, as 0.6 is 0.7 times 0.81 and more."""
    tracker = SegmentTracker("atmosphere", "atmosphere", 0.81, SegmentRule())
    for i, probability in enumerate([0.9] * 6 + [0.6] * 30):
        tracker.feed(i / 10, (i + 1) / 10, probability, 2.0)
    tracker.close(3.6)
    assert [(s.onset, round(s.offset, 6)) for s in tracker.segments] == [(0.0, 0.6)]


def test_a_segment_whose_mean_falls_below_the_threshold_is_withdrawn() -> None:
    found, events = track("######++++++++++++++++++++++....")
    assert found == []
    assert [(event.kind, event.segment.onset) for event in events] == [("onset", 0.0), ("withdrawn", 0.0)]
    assert events[1].segment.probability < 0.5
