"""Frozen frames and flicker, made of clips."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_plugins import flicker, frozen_frames
from distortion_heads.spec import HeadSpec

RATE = 25.0
Frame = NDArray[np.float32]
SPECS = [frozen_frames.HEAD, flicker.HEAD]


def moving(count: int, shape: tuple[int, int] = (8, 12)) -> list[Frame]:
    """Frames of which no two are alike, all of the same brightness."""
    scene = np.random.default_rng(0).uniform(0.2, 0.7, (*shape, 3)).astype(np.float32)
    frames = [np.roll(scene, i, axis=1) + np.float32(1e-4 * i) for i in range(count)]
    for frame in frames:
        frame.flags.writeable = False
    return frames


def make(spec: HeadSpec, frames: list[Frame], severity: float, seed: int = 1, rate: float = RATE) -> list[Frame]:
    assert spec.synthesize_clip is not None
    return list(spec.synthesize_clip(frames, rate, severity, np.random.default_rng(seed)))


def light(frames: list[Frame]) -> NDArray[np.float64]:
    return np.array([float((frame.astype(np.float64) ** 2.2).mean()) for frame in frames])


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.label)
@pytest.mark.parametrize("severity", [1.0, 3.3, 5.0])
def test_number_shape_type_and_range_hold(spec: HeadSpec, severity: float) -> None:
    frames = moving(30)
    made = make(spec, frames, severity)
    assert len(made) == 30
    assert {(frame.shape, frame.dtype.str) for frame in made} == {((8, 12, 3), "<f4")}
    assert all(0 <= frame.min() <= frame.max() <= 1 for frame in made)
    assert not any(np.shares_memory(a, b) for a, b in zip(made, frames, strict=True))
    np.testing.assert_array_equal(made, make(spec, frames, severity))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.label)
def test_clips_may_be_endless(spec: HeadSpec) -> None:
    def endless() -> Iterator[Frame]:
        while True:
            yield from moving(5)

    assert spec.synthesize_clip is not None
    made = spec.synthesize_clip(endless(), RATE, 3.0, np.random.default_rng(0))
    assert next(made).shape == next(made).shape == (8, 12, 3)


def test_a_frozen_frame_stands_longer_the_more_severe_it_is() -> None:
    frames = moving(250)
    changes = []
    for severity in (1.0, 3.0, 5.0):
        made = make(frozen_frames.HEAD, frames, severity)
        new = [i for i in range(1, 250) if not np.array_equal(made[i], made[i - 1])]
        assert all(np.array_equal(made[i], frames[i]) for i in new), "the frame that is due comes through"
        lengths = np.diff([0, *new]) / RATE
        seconds = frozen_frames.parameters(severity)["seconds"]
        assert np.all((lengths >= 0.75 * seconds) & (lengths <= 1.25 * seconds + 0.05))
        changes.append(len(new))
    assert changes == sorted(changes, reverse=True)
    assert changes[-1] >= 1


@pytest.mark.parametrize("severity", [1.0, 3.0, 5.0])
def test_flicker_pulses_by_its_depth_about_the_mean(severity: float) -> None:
    grey = [np.full((4, 4, 3), 0.4, np.float32)] * 200
    depth = flicker.parameters(severity)["depth"]
    for seed in range(6):
        values = light(make(flicker.HEAD, grey, severity, seed))
        assert (values.max() - values.min()) / light(grey)[0] == pytest.approx(depth, rel=0.25)


@pytest.mark.parametrize("rate", [2.0, 25.0, 60.0])
def test_flicker_is_seen_at_every_frame_rate(rate: float) -> None:
    grey = [np.full((4, 4, 3), 0.4, np.float32)] * 120
    for seed in range(12):
        values = light(make(flicker.HEAD, grey, 3.0, seed, rate))
        assert values.max() - values.min() > 0.05 * values.mean()
