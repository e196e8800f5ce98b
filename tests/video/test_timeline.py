"""Frame results -> the answer for a video."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.heads.head import HeadFile
from distortion_heads.io.video.options import SegmentRule
from distortion_heads.video.curves import BINS, CurveBins
from distortion_heads.video.timeline import Timeline
from helpers.video_clips import results_of


def test_the_mean_the_share_and_the_peak_are_over_frames(head: HeadFile) -> None:
    values = [0.1, 0.9, 0.7, 0.3, 0.5]
    timeline = Timeline([head], SegmentRule())
    for result in results_of(head, values):
        timeline.add(result)
    timeline.finish()
    (found,) = timeline.heads()
    assert found.probability == pytest.approx(np.mean(values))
    assert found.share == pytest.approx(3 / 5)  # 0.5 is the threshold
    assert (found.peak, found.peak_time, found.severity) == (0.9, 0.1, pytest.approx(3.0))
    assert found.present == (np.mean(values) >= 0.5)
    assert timeline.end == pytest.approx(0.5)


def test_segments_reach_from_the_first_frame_to_the_end_of_the_last(head: HeadFile) -> None:
    timeline = Timeline([head], SegmentRule())
    for result in results_of(head, [0.0] * 5 + [0.9] * 10):
        timeline.add(result)
    timeline.finish()
    (segment,) = timeline.heads()[0].segments
    assert (segment.onset, segment.offset) == (pytest.approx(0.5), pytest.approx(1.5))


def test_a_single_frame_lasts_as_long_as_it_is_told(head: HeadFile) -> None:
    timeline = Timeline([head], SegmentRule(min_length=0))
    (only,) = results_of(head, [0.9])
    timeline.add(only)
    timeline.finish(0.04)
    assert timeline.heads()[0].segments[0].offset == pytest.approx(0.04)


def test_the_last_frame_does_not_outlast_the_video(head: HeadFile) -> None:
    timeline = Timeline([head], SegmentRule())
    for result in results_of(head, [0.9, 0.9], rate=0.5):
        timeline.add(result)
    timeline.finish(limit=3.5)
    assert timeline.end == 3.5


def test_curves_hold_the_mean_of_each_bin_however_long_the_video_is() -> None:
    curve = CurveBins(2)
    frames = 40_000
    for i in range(frames):
        curve.add(i / 25, (i + 1) / 25, [1.0 if i >= frames // 2 else 0.0, 0.25])
    found = curve.curves()
    assert BINS // 2 <= found.values.shape[1] <= BINS
    assert found.start + found.width * found.values.shape[1] == pytest.approx(frames / 25, abs=2 * found.width)
    middle = found.values.shape[1] // 2
    assert np.allclose(found.values[0, : middle - 4], 0)
    assert np.allclose(found.values[0, middle + 4 :], 1)
    assert np.allclose(found.values[1], 0.25)


def test_curves_are_empty_where_there_was_no_frame() -> None:
    curve = CurveBins(1)
    curve.add(0.0, 1.0, [0.5])
    curve.add(3.0, 4.0, [0.5])
    values = curve.curves().values[0]
    assert np.isnan(values[40:90]).all()
    assert np.allclose(values[[5, 100]], 0.5)


def test_a_frame_that_lasts_an_hour_is_one_step() -> None:
    curve = CurveBins(1)
    curve.add(0.0, 3600.0, [0.75])
    found = curve.curves()
    assert np.allclose(found.values, 0.75)
    assert found.values.shape[1] * found.width >= 3600
