"""Which frames are evaluated; times as people write them."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.errors import DheadsError
from distortion_heads.io.video.options import Moment, Sampling
from distortion_heads.io.video.sampling import parse_time, sample, spread, time_text


def times(rate: float, seconds: float, sampling: Sampling) -> list[float]:
    count = round(rate * seconds)
    moments = (Moment(time=i / rate, load=lambda: np.zeros((1, 1, 3), np.uint8)) for i in range(count))
    return [round(moment.time, 4) for moment in sample(moments, sampling)]


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
        (Sampling(every=4), [0.0, 0.4, 0.8]),
        (Sampling(fps=5), [0.0, 0.2, 0.4, 0.6, 0.8]),
        (Sampling(fps=3), [0.0, 0.4, 0.7]),
        (Sampling(fps=0.5), [0.0]),
        (Sampling(fps=100), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
        (Sampling(start=0.25, end=0.6), [0.3, 0.4, 0.5]),
        (Sampling(start=0.25, every=2), [0.3, 0.5, 0.7, 0.9]),
        (Sampling(start=5), []),
    ],
)
def test_sample(sampling: Sampling, expected: list[float]) -> None:
    assert times(10, 1, sampling) == expected


def test_fps_keeps_its_rate_over_a_long_video_of_another_rate() -> None:
    assert len(times(29.97, 600, Sampling(fps=4))) == pytest.approx(2400, abs=1)


def test_spread_takes_the_middles_of_equal_parts() -> None:
    assert spread(4, 2.0, 10.0) == [3.0, 5.0, 7.0, 9.0]


@pytest.mark.parametrize(
    "arguments",
    [
        {"fps": 2, "every": 3},
        {"fps": 0},
        {"fps": float("nan")},
        {"fps": float("inf")},
        {"start": float("nan")},
        {"every": -1},
        {"frames": 0},
        {"start": -1},
        {"start": 5, "end": 5},
    ],
)
def test_impossible_samplings_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(DheadsError):
        Sampling(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90.5", 90.5), ("2s", 2), ("1:30", 90), ("1:02:30.5", 3750.5), (" 5 ", 5)],
)
def test_times(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-3", "1:2:3:4", "1e3", "nan"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(DheadsError, match="is no time like"):
        parse_time(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00.0"), (59.96, "1:00.0"), (61.25, "1:01.2"), (3661.5, "1:01:01.5")]
)
def test_time_text(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def test_time_text_without_decimals() -> None:
    assert time_text(119.7, 0) == "2:00"
