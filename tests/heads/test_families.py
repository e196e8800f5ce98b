from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distortion_heads.answers import HeadResult, KindShare
from distortion_heads.heads.bank import AnswerRules, HeadBank, HeadOutputs, quantiles, sigmoid
from distortion_heads.heads.families import decided, families_of, shares
from distortion_heads.heads.head import Calibration, Pooling
from helpers.sample_heads import aggregate, make_head


def answer(label: str, probability: float, *, family: str = "noise", threshold: float = 0.5) -> HeadResult:
    return HeadResult(
        label=label,
        family=family,
        probability=probability,
        threshold=threshold,
        present=probability >= threshold,
        severity=3.0,
        scope="family" if label == family else "kind",
    )


probabilities = st.floats(0, 1)
answers = st.lists(
    st.builds(
        lambda label, family, p, t: answer(label, p, family=family, threshold=t),
        st.sampled_from([f"kind{i}" for i in range(6)] + ["noise", "blur"]),
        st.sampled_from(["noise", "blur"]),
        probabilities,
        probabilities,
    ),
    unique_by=lambda head: head.label,
)


def test_a_familys_own_head_decides() -> None:
    kinds = (answer("white_noise", 0.9), answer("pink_noise", 0.3))
    (family,) = families_of((*kinds, replace(answer("noise", 0.2), severity=1.5)))
    assert (family.family, family.probability, family.present, family.severity) == ("noise", 0.2, False, 1.5)
    assert family.kinds == families_of(kinds)[0].kinds


def test_without_one_the_kind_decides_that_is_farthest_above_its_threshold() -> None:
    (family,) = families_of([answer("white_noise", 0.6, threshold=0.7), answer("pink_noise", 0.5, threshold=0.4)])
    assert (family.probability, family.threshold, family.present) == (0.5, 0.4, True)


def test_shares_leave_to_another_kind_what_the_strongest_leaves() -> None:
    (family,) = families_of([answer("pink_noise", 0.2), answer("white_noise", 0.7), answer("noise", 0.9)])
    assert family.kinds == (
        KindShare(label="white_noise", share=pytest.approx(0.7 / 1.2)),
        KindShare(label="other", share=pytest.approx(0.3 / 1.2)),
        KindShare(label="pink_noise", share=pytest.approx(0.2 / 1.2)),
    )
    (alone,) = families_of([answer("noise", 0.9)])
    assert alone.kinds == (KindShare(label="other", share=1.0),)


@given(answers)
def test_families_order_the_answers(heads: list[HeadResult]) -> None:
    families = families_of(heads)
    assert [family.family for family in families] == list(dict.fromkeys(head.family for head in heads))
    for family in families:
        members = [head for head in heads if head.family == family.family]
        own = [head for head in members if head.scope == "family"]
        assert sum(kind.share for kind in family.kinds) == pytest.approx(1)
        assert [kind.share for kind in family.kinds] == sorted((kind.share for kind in family.kinds), reverse=True)
        assert {kind.label for kind in family.kinds} == {"other", *(head.label for head in members if head not in own)}
        assert family.present == (own[0].present if own else any(head.present for head in members))


@given(answers)
def test_a_kind_is_there_only_where_its_familys_own_head_does_not_say_no(heads: list[HeadResult]) -> None:
    found = decided(heads)
    assert [replace(head, present=False) for head in found] == [replace(head, present=False) for head in heads]
    for before, head in zip(heads, found, strict=True):
        own = next((other for other in heads if other.label == other.family == head.family), before)
        assert head.present == (before.present and own.present)
    assert decided(found) == found
    assert [family.present for family in families_of(found)] == [family.present for family in families_of(heads)]


@given(st.lists(probabilities, min_size=1, max_size=9))
def test_a_more_probable_kind_never_has_the_smaller_share(values: list[float]) -> None:
    found = {
        kind.label: kind.share
        for kind in shares([answer(f"k{i}", p) for i, p in enumerate(values)], lambda h: h.probability)
    }
    ordered = sorted(range(len(values)), key=values.__getitem__)
    assert [found[f"k{i}"] for i in ordered] == sorted(found[f"k{i}"] for i in ordered)


@given(st.integers(1, 40), st.lists(st.floats(0, 1, exclude_min=True), min_size=1, max_size=5))
def test_quantiles_are_numpys(windows: int, q: list[float]) -> None:
    values = np.random.default_rng(windows).random((len(q), windows))
    expected = [np.quantile(row, level) for row, level in zip(values, q, strict=True)]
    assert quantiles(values, np.array(q)) == pytest.approx(expected, abs=1e-12)


def test_a_head_may_answer_with_its_sharpest_windows() -> None:
    """One sharp window of eight silences the lowest quantiles; severity stays the weighted mean."""
    logits, severity = np.array([6.0] * 7 + [-6.0], np.float32), np.array([4.0] * 7 + [1.0], np.float32)
    plain = make_head(calibration=Calibration())
    mean, level = aggregate(plain, logits, severity)
    assert mean == pytest.approx(sigmoid(logits.astype(np.float64)).mean())
    low, same_level = aggregate(replace(plain, pooling=Pooling(quantile=1e-9)), logits, severity)
    assert (low, same_level) == (pytest.approx(sigmoid(np.array([-6.0]))[0], abs=1e-6), level)
    assert aggregate(replace(plain, pooling=Pooling(quantile=1.0)), logits, severity)[0] == pytest.approx(
        0.9975, abs=1e-4
    )


@pytest.mark.parametrize("windows", [1, 2, 12])
def test_a_family_head_changes_no_other_heads_answer(windows: int) -> None:
    features = np.random.default_rng(windows).standard_normal((windows, 12), np.float32)
    kinds = [make_head(f"kind{i}", seed=i) for i in range(5)]
    alone = HeadBank(kinds).answers(features)
    family = make_head("noise", scope="family", pooling=Pooling(quantile=0.2), seed=9)
    together = HeadBank([family, *kinds]).answers(features)
    assert together[1:] == alone
    assert (together[0].scope, {head.scope for head in alone}) == ("family", {"kind"})
    assert HeadBank([family]).answers(features) == together[:1]


def test_a_picture_of_one_window_has_its_probability() -> None:
    rules = AnswerRules.of([make_head("noise", scope="family", pooling=Pooling(quantile=q)) for q in (0.1, 0.5, 1.0)])
    outputs = HeadOutputs(logits=np.full((3, 1), 0.5, np.float32), severity=np.full((3, 1), 2.0, np.float32))
    assert len({head.probability for head in rules.answers(outputs)}) == 1
