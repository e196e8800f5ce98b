"""How good a video is: mean, worst second, and curve."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.answers import Prediction, QualityResult
from distortion_heads.reports.videos import frame_to_dict
from distortion_heads.video.answers import FrameResult
from distortion_heads.video.quality import QualityOverTime, worst_second


def frame(index: int, time: float, *values: float) -> FrameResult:
    qualities = tuple(
        QualityResult(label=f"q{i}", value=value, low=1.0, high=5.0, target="-") for i, value in enumerate(values)
    )
    prediction = Prediction(path=None, width=8, height=8, windows=1, backbone="b", heads=(), qualities=qualities)
    return FrameResult(index=index, time=time, prediction=prediction)


def test_the_worst_second_is_found_wherever_it_lies() -> None:
    over_time = QualityOverTime()
    values = np.full(100, 4.0)
    values[40:50] = 2.0
    for i, value in enumerate(values):
        over_time.add(frame(i, i / 10, value, 3.0), (i + 1) / 10)
    first, second = over_time.answers()
    assert (first.label, second.label) == ("q0", "q1")
    assert first.value == pytest.approx(3.8)
    assert first.worst == pytest.approx(2.0, abs=0.05)
    assert first.worst_time == pytest.approx(4.0, abs=0.05)
    assert first.spread == pytest.approx(0.6, abs=0.02)
    assert (second.value, second.worst, second.spread) == (3, 3, 0)


def test_frames_that_could_not_be_judged_say_nothing() -> None:
    over_time = QualityOverTime()
    assert over_time.answers() == ()
    for i, values in enumerate([(), (2.0,), (), (4.0,)]):
        over_time.add(frame(i, float(i), *values), i + 1.0)
    (answer,) = over_time.answers()
    assert (answer.value, answer.worst, answer.worst_time) == (3, 2, 1)
    assert np.isnan(answer.curve).any()


@pytest.mark.parametrize(
    ("curve", "width", "found"),
    [
        ([4, 3, 5], 2.0, (3, 1)),
        ([4, 2, 2, 5, 1, 5], 0.5, (2, 1)),
        ([4, 2], 0.25, (3, 0)),
        ([np.nan, 2, np.nan, 1], 1.0, (1, 3)),
    ],
)
def test_a_second_may_be_shorter_or_longer_than_a_bin(
    curve: list[float], width: float, found: tuple[float, int]
) -> None:
    assert worst_second(curve, width) == found


def test_a_frame_has_one_key_more() -> None:
    assert frame_to_dict("a.mp4", frame(0, 0.0, 2.345))["quality"] == {"q0": 2.35}
    assert "quality" not in frame_to_dict("a.mp4", frame(0, 0.0))
