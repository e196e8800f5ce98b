"""Intervals hold what they promise, and rivals that are the same distortion are found."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.metrics.intervals import bootstrap, share_interval, spread_of, taken_for_same


def test_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng, held = np.random.default_rng(0), 0
    for seed in range(60):
        values = rng.normal(0, 1, 40)
        interval = bootstrap(lambda i, v=values: float(v[i].mean()), np.arange(40), seed)
        assert interval is not None
        held += interval[0] <= 0 <= interval[1]
    assert 51 <= held <= 60


def test_pictures_of_one_scene_count_once() -> None:
    values = np.repeat(np.random.default_rng(1).normal(0, 1, 10), 20)

    def width(scenes: np.ndarray) -> float:
        interval = bootstrap(lambda i: float(values[i].mean()), scenes)
        assert interval is not None
        return interval[1] - interval[0]

    assert width(np.repeat(np.arange(10), 20)) > 3 * width(np.arange(200))


def test_nothing_to_measure() -> None:
    assert bootstrap(lambda i: None, np.arange(4)) is None
    assert share_interval(0, 0) is None


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"), [(0, 29, 0.0, 0.117), (1, 10, 0.018, 0.404), (5, 5, 0.566, 1)]
)
def test_share_of_few(hits: int, total: int, low: float, high: float) -> None:
    assert share_interval(hits, total) == pytest.approx((low, high), abs=1e-3)


def test_figures_leave_out_what_was_made() -> None:
    labels = np.array([True] * 10 + [False] * 20)
    others = np.array([False] * 20 + [True] * 10)
    p = np.array([0.9] * 10 + [0.1] * 10 + [0.95] * 10)  # it fires on all that was made, and is right on the rest
    spread = spread_of(p, labels, ~labels & ~others, others, np.arange(30), 0.5)
    assert (spread.auroc, spread.f1) == ((1.0, 1.0), (1.0, 1.0))
    assert (spread.clean.share, spread.others.share) == (0.0, 1.0)


def test_rivals_that_are_the_same_are_found() -> None:
    labels = np.array([True] * 20 + [False] * 32)
    kinds = [None] * 40 + [("hiss", "noise")] * 4 + [("fog", "air")] * 4 + [("haze", "air")] * 4
    same, other, clean = np.linspace(0.5, 0.9, 20), np.linspace(0.0, 0.1, 8), np.linspace(0.0, 0.2, 20)
    p = np.concatenate([same, clean, same[[3, 8, 12, 17]], other])
    assert taken_for_same(p, labels, kinds) == ("noise",)
    lost = np.concatenate([same, same, same[:4], other])  # a head that tells nothing apart says nothing of its rivals
    assert taken_for_same(lost, labels, kinds) == ()
