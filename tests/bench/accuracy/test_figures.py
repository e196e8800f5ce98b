"""The figures of `dheads bench accuracy`, against cases worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from distortion_heads.bench.accuracy.choices import (
    confused_pairs,
    confusion,
    four_choice,
    mixture_figures,
    set_figures,
    top1,
)
from distortion_heads.bench.accuracy.figures import compute_figures
from distortion_heads.bench.accuracy.goals import NINE, compare_goals
from distortion_heads.bench.accuracy.outcomes import Outcomes
from distortion_heads.bench.accuracy.report import Setting, make_report, reliability, report_to_dict
from distortion_heads.datasets.published.kadid import TYPES as KADID

LABELS = ("fog", "rain", "snow", "wind")
FAMILIES = ("air", "water", "water", "air")
Version = tuple[Mapping[str, float], Sequence[float]]


def outcomes(
    versions: Sequence[Version],
    *,
    labels: Sequence[str] = LABELS,
    families: Sequence[str] = FAMILIES,
    severity: float = 3,
) -> Outcomes:
    """One picture per version: `({label: severity}, probabilities)`; thresholds are 0.5."""
    truth = np.array([[made.get(label, 0.0) for label in labels] for made, _ in versions], np.float32)
    return Outcomes(
        labels=tuple(labels),
        families=tuple(families),
        thresholds=(0.5,) * len(labels),
        pictures=tuple(f"{i}.png" for i in range(len(versions))),
        sources=("here",) * len(versions),
        picture=np.arange(len(versions)),
        truth=truth.reshape(len(versions), len(labels)),
        probability=np.array([scores for _, scores in versions], float).reshape(truth.shape),
        severity=np.full(truth.shape, severity, float),
    )


def perfect(labels: Sequence[str], families: Sequence[str]) -> Outcomes:
    """Clean, all singles and the mixture of the first two, with heads that know."""
    made: list[Mapping[str, float]] = [{}]
    made += [{label: float(level)} for label in labels for level in range(1, 6)]
    made += [{labels[0]: 2.0, labels[1]: 4.5}]
    scores = [[0.9 if label in each else 0.1 for label in labels] for each in made]
    result = outcomes(list(zip(made, scores, strict=True)), labels=labels, families=families)
    result.severity[...] = np.where(result.present, result.truth, 1)
    return result


def test_heads_that_know_get_full_marks() -> None:
    figures = compute_figures(perfect(LABELS, FAMILIES))
    for pool, macro in figures.macro.items():
        assert set(macro.values()) == {1.0}, pool
    assert (figures.top1, figures.four_choice, figures.clean_silent) == (1, 1, 1)
    assert (figures.severity_mae, figures.severity_rank) == (0, pytest.approx(1))
    assert figures.family_top1 == {"air": 1, "water": 1}
    two = figures.mixtures["two"]
    assert two.label is not None
    assert (two.n, two.label.exact, two.label.micro_f1, two.label.macro_f1) == (1, 1, 1, 1)
    assert two.label.f1 == {"fog": 1, "rain": 1}
    assert figures.mixtures["three"].n == 0
    # every answer is 0.1 off, whether 0.9 or 0.1
    assert figures.ece == pytest.approx(0.1)
    assert figures.top1_kadid is None


def test_detection_of_one_head() -> None:
    figures = compute_figures(
        outcomes(
            [
                ({}, (0.6, 0, 0, 0)),
                ({}, (0.2, 0, 0, 0)),
                ({"fog": 2}, (0.9, 0, 0, 0)),
                ({"fog": 3}, (0.4, 0, 0, 0)),
                ({"rain": 2}, (0.1, 0, 0, 0)),
                ({"rain": 1}, (1.0, 0, 0, 0)),  # not among the others of severities 2-5
                ({"fog": 5, "rain": 5}, (0.0, 0, 0, 0)),  # nor is a mixture
            ]
        )
    )
    fog = figures.heads[0].detection["2-5"]
    assert fog.n == 2
    assert fog.auroc_clean == pytest.approx(3 / 4)  # of (0.9, 0.4) against (0.6, 0.2), only 0.4 < 0.6 is wrong
    assert fog.auroc_others == 1
    assert fog.ap_clean == pytest.approx((1 + 2 / 3) / 2)  # precision at the ranks 1 and 3
    assert fog.ap_others == 1
    assert fog.recall == pytest.approx(1 / 2)
    assert fog.f1 == pytest.approx(1 / 2)  # one found, one missed, one false alarm on clean
    assert figures.heads[0].false_alarms_clean == pytest.approx(1 / 2)
    assert figures.heads[0].false_alarms_others == 0
    assert figures.heads[0].detection["1"].auroc_clean is None
    assert figures.clean_silent == pytest.approx(1 / 2)
    assert figures.macro["1-5"]["auroc_clean"] == pytest.approx((3 / 4 + 1 / 2) / 2)  # rain: all equal


def test_severity_counts_every_picture_with_the_distortion_alone() -> None:
    versions = [({"fog": float(level)}, (0.0, 0, 0, 0)) for level in (1, 2, 3, 4, 5)]
    result = outcomes([*versions, ({"fog": 2.0, "rain": 2.0}, (0, 0, 0, 0))])
    assert compute_figures(result).heads[0].severity_mae == pytest.approx((2 + 1 + 0 + 1 + 2) / 5)
    assert compute_figures(result).heads[0].severity_rank == 0  # the answer is always 3
    result.severity[:5, 0] = (1, 2, 4, 3, 5)
    assert compute_figures(result).heads[0].severity_rank == pytest.approx(0.9)  # 1 - 6 * 2 / (5 * 24)
    result.severity[...] = np.nan
    figures = compute_figures(result)
    assert figures.heads[0].severity_mae is figures.severity_rank is None


def test_confusion_counts_the_most_probable_head() -> None:
    single = outcomes(
        [
            ({"fog": 2}, (0.9, 0.1, 0.2, 0.3)),
            ({"fog": 3}, (0.1, 0.1, 0.2, 0.3)),
            ({"rain": 2}, (0.1, 0.1, 0.8, 0.3)),
            ({"wind": 5}, (0.1, 0.2, 0.3, 0.4)),
        ]
    )
    assert confusion(single).tolist() == [[1, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    assert top1(single) == pytest.approx(2 / 4)
    assert compute_figures(single).family_top1 == {"air": 1, "water": 1}


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=5, max_size=7), st.integers(0, 4))
def test_four_choice_is_the_mean_over_all_draws(tenths: list[int], own: int) -> None:
    labels = [f"head{i}" for i in range(len(tenths))]
    single = outcomes([({labels[own]: 1}, [t / 10 for t in tenths])], labels=labels, families=labels)
    others = [t for i, t in enumerate(tenths) if i != own]
    won = [tenths[own] > max(draw) for draw in combinations(others, 3)]
    assert four_choice(single) == pytest.approx(np.mean(won))


def test_mixtures_by_label_and_by_family() -> None:
    mixed = outcomes(
        [
            ({"fog": 2, "rain": 2}, (1, 1, 0, 0)),
            ({"fog": 2, "rain": 2}, (1, 0, 1, 0)),  # snow for rain: right family
            ({"snow": 2, "wind": 2}, (0, 0, 1, 0)),  # wind missed
        ]
    )
    figures = mixture_figures(mixed)
    assert figures.label is not None
    assert figures.family is not None
    assert figures.label.exact == pytest.approx(1 / 3)
    assert figures.label.micro_f1 == pytest.approx(2 * 4 / (6 + 5))
    assert figures.label.f1 == pytest.approx({"fog": 1, "rain": 2 / 3, "snow": 2 / 3, "wind": 0})
    assert figures.label.macro_f1 == pytest.approx((1 + 2 / 3 + 2 / 3 + 0) / 4)
    assert figures.family.exact == pytest.approx(2 / 3)
    assert figures.family.micro_f1 == pytest.approx(2 * 5 / (6 + 5))
    assert figures.family.f1 == pytest.approx({"air": 4 / 5, "water": 1})


def test_a_name_that_is_neither_there_nor_found_has_no_f1() -> None:
    figures = mixture_figures(outcomes([({"fog": 2, "rain": 2}, (1, 0, 0, 0))]))
    assert figures.label is not None
    assert figures.label.f1 == {"fog": 1, "rain": 0}
    assert figures.label.macro_f1 == pytest.approx(1 / 2)


def test_pairs_are_named_with_both_directions() -> None:
    single = outcomes(
        [
            ({"fog": 2}, (0.6, 0.7, 0, 0)),
            ({"fog": 3}, (0.9, 0.1, 0, 0)),
            ({"rain": 2}, (0.2, 0.8, 0, 0)),
            ({"wind": 2}, (0, 0, 0, 0.9)),
        ]
    )
    pairs = confused_pairs(single)
    assert (pairs[0].a, pairs[0].b) == ("fog", "rain")
    assert len(pairs) == 3  # snow has no picture
    worst = pairs[0]
    assert (worst.a_taken_for_b, worst.b_taken_for_a) == (0.5, 0)
    assert (worst.b_fires_on_a, worst.a_fires_on_b) == (0.5, 0)
    assert worst.told_apart == 1  # fog's head always leads by more on fog than on rain


def test_two_distortions_that_look_the_same_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(5)
    single = outcomes([({LABELS[i % 2]: 3}, rng.uniform(0.4, 0.6, 4)) for i in range(2000)])
    assert confused_pairs(single)[0].told_apart == pytest.approx(0.5, abs=0.03)


def test_heads_are_measured_on_their_own_distortions_only() -> None:
    everything = outcomes(
        [({}, (0, 1, 2, 3)), ({"fog": 1, "rain": 1}, (4, 5, 6, 7)), ({"wind": 1, "rain": 2}, (8, 9, 10, 11))]
    )
    part = everything.only(["rain", "hail", "fog"])
    assert part.labels == ("rain", "fog")
    assert part.families == ("water", "air")
    assert part.probability.tolist() == [[1, 0], [5, 4]]
    assert part.truth.tolist() == [[0, 0], [1, 1]]


def test_figures_of_each_source() -> None:
    versions = [({}, (0.9 * (i % 2), 0, 0, 0)) for i in range(6)]
    two = replace(outcomes(versions), sources=("even", "odd") * 3)
    report = make_report(two, Setting(command="", backbone="", seed=0, mixtures=0))
    assert {name: figures.clean_silent for name, figures in report.sources.items()} == {"even": 1, "odd": 0}
    assert report.figures.clean_silent == pytest.approx(1 / 2)
    assert [alarm.picture for alarm in report.clean_alarms] == ["1.png", "3.png", "5.png"]
    assert report.clean_alarms[0].heads == {"fog": 0.9}


def test_reliability_bins() -> None:
    bins = reliability(outcomes([({"fog": 1}, (0.95, 0.01, 0.01, 0.01)), ({}, (0.95, 0.01, 0.01, 0.01))]))
    assert [(each.n, each.frequency) for each in bins] == [(6, 0), (2, 0.5)]
    assert [each.confidence for each in bins] == pytest.approx([0.01, 0.95])


def test_goals_say_yes_no_or_not_measured() -> None:
    figures = replace(compute_figures(perfect(LABELS, FAMILIES)), top1_kadid=0.85, clean_silent=0.899)
    goals = {goal.figure: goal for goal in compare_goals(figures, None)}
    assert len(goals) == 8
    assert [figure for figure, goal in goals.items() if not goal.met] == ["clean pictures on which no head fires"]
    few = compare_goals(replace(figures, top1_kadid=None), None)
    assert [goal.met for goal in few if "25 types" in goal.figure] == [None]


def test_the_nine_heads_have_goals_of_their_own() -> None:
    measured = perfect(NINE, NINE)
    measured.probability[measured.truth[:, NINE.index("jpeg")] == 3, NINE.index("jpeg")] = 0
    report = make_report(measured, Setting(command="", backbone="", seed=0, mixtures=1))
    assert report.nine is not None
    nine = report.goals[8:]
    assert len(nine) == 10
    (jpeg,) = [goal for goal in nine if not goal.met]
    assert "jpeg," in jpeg.figure
    assert jpeg.measured == pytest.approx(3 / 4)  # below the clean picture at one severity of four
    assert report.confusion.labels == tuple(label for label in KADID if label in NINE)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=9))
def test_micro_and_macro_f1_are_those_of_scikit_learn(rows: list[tuple[bool, ...]]) -> None:
    truth, found = np.split(np.array(rows), 2, axis=1)
    figures = set_figures(truth, found, ("fog", "rain"))
    for average, value in (("micro", figures.micro_f1), ("macro", figures.macro_f1)):
        expected = f1_score(truth, found, average=average, zero_division=np.nan)
        assert (np.nan if value is None else value) == pytest.approx(expected, nan_ok=True)


def test_the_report_as_json_holds_numbers_or_nothing() -> None:
    report = make_report(outcomes([({}, (0, 0, 0, 0))]), Setting(command="", backbone="", seed=0, mixtures=0))
    content = report_to_dict(report)
    assert content["figures"]["clean_silent"] == 1
    assert content["figures"]["top1"] is None
    assert content["figures"]["macro"]["2-5"]["auroc_clean"] is None
    assert content["goals"][0]["met"] is None
