"""Statistics over runs of frames, and which frames make a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from distortion_heads.errors import HeadSchemaError
from distortion_heads.heads.bank import HeadBank
from distortion_heads.heads.file import dump_head, parse_head
from distortion_heads.spec import HeadSpec, width_of
from distortion_heads.views.runs import LEAST, MOST, REACH, Runs, run_statistics
from helpers.sample_heads import make_head, make_layers, same

DIM = 6


def walk(count: int, seed: int = 0, step: float = 0.1) -> NDArray[np.float32]:
    """Features that move on at random from frame to frame."""
    return np.cumsum(np.random.default_rng(seed).normal(0, step, (count, DIM)), axis=0).astype(np.float32)


def parts(run: NDArray[np.float32]) -> tuple[float, float]:
    """Mean activity and mean unrest."""
    statistics = run_statistics(run)
    assert statistics.shape == (width_of("temporal", DIM),)
    assert statistics.dtype == np.float32
    return float(statistics[:DIM].mean()), float(statistics[DIM:].mean())


def still(count: int) -> NDArray[np.float32]:
    return np.ones((count, DIM), np.float32)


def test_a_still_run_has_the_least_activity_and_unrest() -> None:
    assert parts(still(25)) == (pytest.approx(-1.0), pytest.approx(-1.0))
    activity, unrest = parts(walk(25))
    assert activity > 0.5
    assert unrest > 0.5


def test_changes_that_a_codec_leaves_hardly_count() -> None:
    traces = still(25) + np.random.default_rng(1).normal(0, 1e-4, (25, DIM)).astype(np.float32)
    assert parts(traces)[0] < -0.8


def test_one_key_frame_in_a_still_run_counts_for_little() -> None:
    renewed = still(25)
    renewed[12:] += 0.1
    assert parts(renewed)[0] < parts(walk(25))[0] - 1.0


def test_a_film_shown_twice_a_frame_moves() -> None:
    twice = np.repeat(walk(13), 2, axis=0)[:25]
    assert parts(twice)[0] == pytest.approx(parts(walk(25))[0], abs=0.25)


def test_a_steady_change_is_active_but_at_rest_and_pulses_are_neither() -> None:
    ramp = np.linspace(0, 1, 25, dtype=np.float32)[:, None] * np.ones(DIM, np.float32)
    pulses = np.tile(np.float32([[0.0], [0.1]]), (13, DIM))[:25]
    assert parts(ramp)[0] > 0.4
    assert parts(ramp)[1] == pytest.approx(-1.0, abs=0.01)
    assert parts(pulses)[1] > 0.5


@pytest.mark.parametrize("count", [3, 4, 60])
def test_runs_of_any_length_have_statistics(count: int) -> None:
    assert np.isfinite(run_statistics(walk(count))).all()


def runs_of(times: list[float]) -> tuple[list[list[int]], list[int]]:
    """The numbers of each frame's run, and how many frames had come when it was known."""
    runs: Runs[int] = Runs()
    found, came = [], []
    for i, time in enumerate(times):
        for item, run in runs.add(time, np.array([i], np.float32), i):
            assert item == len(found)
            found.append([int(number) for number in run[:, 0]])
            came.append(i + 1)
    for item, run in runs.finish():
        assert item == len(found)
        found.append([int(number) for number in run[:, 0]])
        came.append(len(times))
    return found, came


def test_a_run_is_what_lies_within_reach_on_either_side() -> None:
    times = [i / 25 for i in range(80)]
    found, came = runs_of(times)
    assert len(found) == 80
    for i, run in enumerate(found):
        assert run == [j for j in range(80) if abs(j - i) / 25 <= REACH + 1e-9]
    assert came[40] == 40 + 13 + 1  # known with the first frame that is REACH or more later


def test_frames_that_are_far_apart_have_at_least_two_neighbours_on_either_side() -> None:
    found, came = runs_of([10.0 * i for i in range(9)])
    assert found[4] == [2, 3, 4, 5, 6]
    assert found[0] == [0, 1, 2]
    assert came[4] == 4 + LEAST + 1


def test_frames_that_are_very_close_are_limited() -> None:
    found, came = runs_of([i / 1000 for i in range(200)])
    assert found[100] == list(range(100 - MOST, 100 + MOST + 1))
    assert came[100] == 100 + MOST + 1


def test_a_gap_in_time_is_bridged_by_two_frames() -> None:
    found, _ = runs_of([0.0, 0.1, 0.2, 5.0, 5.1, 5.2])
    assert found[2] == [0, 1, 2, 3, 4]


def test_one_frame_is_a_run_of_itself() -> None:
    assert runs_of([0.0])[0] == [[0]]


def test_a_temporal_head_reads_two_statistics_of_each_feature() -> None:
    head = make_head("flicker", view="temporal", layers=make_layers((24, 5, 2)))
    assert same(parse_head(dump_head(head), "here"), head)
    assert HeadBank([head]).evaluate(np.zeros((1, 24), np.float32)).logits.shape == (1, 1)
    with pytest.raises(ValueError, match="not \\(K, 24\\)"):
        HeadBank([head]).evaluate(np.zeros((1, 12), np.float32))
    with pytest.raises(HeadSchemaError, match="from 24 features"):
        dump_head(replace(head, layers=make_layers((12, 5, 2))))


def test_a_temporal_head_has_no_synthesizer_of_pictures() -> None:
    with pytest.raises(ValueError, match="synthesize_clip"):
        HeadSpec(
            label="a",
            title="A",
            family="f",
            description="d",
            view="temporal",
            synthesize=lambda image, severity, rng: image,
        )
