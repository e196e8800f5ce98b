from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from distortion_heads.errors import DataError
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.distort import Step, distort, draw_mixture, in_physical_order, stage_of

GREY = np.full((8, 9, 3), 0.5, np.float32)


def head(label: str, family: str = "blur", synthesize: object = None, stage: object = None) -> HeadSpec:
    return HeadSpec(
        label=label, title="T", family=family, description="D.", synthesize=synthesize or add_noise, stage=stage
    )


def add_noise(image: NDArray[np.float32], severity: float, rng: np.random.Generator) -> NDArray[np.float32]:
    return np.clip(image + 0.01 * severity * rng.standard_normal(image.shape), 0, 1).astype(np.float32)


def halve(image: NDArray[np.float32], severity: float, rng: np.random.Generator) -> NDArray[np.float32]:
    return image / np.float32(2)


def raise_to_half(image: NDArray[np.float32], severity: float, rng: np.random.Generator) -> NDArray[np.float32]:
    return np.maximum(image, np.float32(0.5))


def step(spec: HeadSpec, severity: float = 3.0) -> Step:
    return Step(spec=spec, severity=severity)


def test_mixtures_follow_the_imaging_chain() -> None:
    families = ["compression", "color", "noise", "atmosphere", "blur"]
    ordered = in_physical_order([step(head(f"made_{family}", family)) for family in families])
    assert [s.spec.family for s in ordered] == ["blur", "atmosphere", "noise", "color", "compression"]


def test_a_stage_of_its_own_goes_before_the_familys() -> None:
    early = head("early", "compression", stage="optics")
    assert [s.spec.label for s in in_physical_order([step(head("late", "noise")), step(early)])] == ["early", "late"]
    assert stage_of(head("unheard_of", "zebra")) == stage_of(head("known", "color"))


def test_steps_are_applied_in_physical_order_however_they_are_named() -> None:
    optics, sensor = head("a_floor", "noise", raise_to_half), head("b_half", "blur", halve)
    for steps in ([step(optics), step(sensor)], [step(sensor), step(optics)]):
        result = distort(GREY, steps, np.random.default_rng(0))
        np.testing.assert_array_equal(result, GREY)  # halved by the optics first, then raised by the sensor


def test_draws_of_one_step_leave_the_others_alone() -> None:
    """The same noise on top, whether the step below draws a lot or nothing."""
    noise = head("noise", "noise")
    greedy = head("greedy", "blur", lambda image, severity, rng: image + 0 * np.float32(rng.random()))
    modest = head("modest", "blur", lambda image, severity, rng: image)
    results = [distort(GREY, [step(below), step(noise)], np.random.default_rng(4)) for below in (greedy, modest)]
    np.testing.assert_array_equal(*results)


def test_only_children_of_the_generator_are_used() -> None:
    """What was drawn from the generator before changes nothing: a manifest's seed is enough to make a picture again."""
    used = np.random.default_rng(4)
    used.random(10)
    steps = [step(head("noise", "noise"))]
    np.testing.assert_array_equal(distort(GREY, steps, used), distort(GREY, steps, np.random.default_rng(4)))


def test_two_steps_of_a_mixture_draw_different_numbers() -> None:
    seen: list[float] = []

    def spy(image: NDArray[np.float32], severity: float, rng: np.random.Generator) -> NDArray[np.float32]:
        seen.append(rng.random())
        return image

    distort(GREY, [step(head("one", "blur", spy)), step(head("two", "noise", spy))], np.random.default_rng(0))
    assert len(set(seen)) == 2


def test_no_step_returns_the_picture() -> None:
    np.testing.assert_array_equal(distort(GREY, [], np.random.default_rng(0)), GREY)


@pytest.mark.parametrize(
    ("synthesize", "complaint"),
    [
        (lambda image, severity, rng: image[1:], r"float32 \(7, 9, 3\), not float32 \(8, 9, 3\)"),
        (lambda image, severity, rng: image.astype(np.float64), "returned float64"),
        (lambda image, severity, rng: None, "returned NoneType"),
        (lambda image, severity, rng: image + 1, r"left \[0, 1\]"),
        (lambda image, severity, rng: image - 1, r"left \[0, 1\]"),
        (lambda image, severity, rng: image * np.float32("nan"), r"left \[0, 1\]"),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_named(synthesize: object, complaint: str) -> None:
    with pytest.raises(DataError, match=f"'guilty'.*{complaint}"):
        distort(GREY, [step(head("guilty", synthesize=synthesize))], np.random.default_rng(0))


@pytest.mark.parametrize("severity", [0.99, 5.01, float("nan")])
def test_severity_is_from_1_to_5(severity: float) -> None:
    with pytest.raises(DataError, match="severity"):
        distort(GREY, [step(head("fine"), severity)], np.random.default_rng(0))


def test_a_head_without_synthesizer_is_refused() -> None:
    spec = HeadSpec(label="mute", title="T", family="blur", description="D.")
    with pytest.raises(DataError, match="'mute' has no synthesizer"):
        distort(GREY, [step(spec)], np.random.default_rng(0))


BANK = [head(f"{family}_{i}", family) for family in ("blur", "noise", "color", "compression") for i in range(3)]


@given(size=st.integers(1, 6), seed=st.integers(0, 2**32), low=st.floats(1, 5), high=st.floats(1, 5))
def test_mixtures_are_of_distinct_families_in_order(size: int, seed: int, low: float, high: float) -> None:
    low, high = sorted((low, high))
    drawn = draw_mixture(BANK, size, np.random.default_rng(seed), severities=(low, high))
    assert len(drawn) == min(size, 4), "as many as asked for, as far as there are families"
    assert len({s.spec.family for s in drawn}) == len(drawn)
    assert all(low <= s.severity <= high for s in drawn)
    assert drawn == in_physical_order(drawn)


def test_every_distortion_is_drawn_about_as_often() -> None:
    rng = np.random.default_rng(1)
    counts = Counter(draw_mixture(BANK, 1, rng)[0].spec.label for _ in range(1200))
    assert set(counts) == {spec.label for spec in BANK}
    assert max(counts.values()) < 2 * min(counts.values())


def test_weights_make_some_more_frequent() -> None:
    weights = np.full(len(BANK), 0.1 / (len(BANK) - 1))
    weights[0] = 0.9
    rng = np.random.default_rng(1)
    first = sum(draw_mixture(BANK, 1, rng, weights=weights)[0].spec is BANK[0] for _ in range(200))
    assert 160 < first < 198


def test_eight_bits_survive_the_way_to_float_and_back() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(8, 32, 1).repeat(3, axis=2)
    floats = to_float(values)
    assert (floats.dtype, floats.min(), floats.max()) == (np.float32, 0, 1)
    np.testing.assert_array_equal(to_uint8(floats), values)


def test_floats_are_rounded_to_the_nearest() -> None:
    floats = np.array([0.4, 0.6, 254.4, 254.6], np.float32) / np.float32(255)
    np.testing.assert_array_equal(to_uint8(floats), [0, 1, 254, 255])
