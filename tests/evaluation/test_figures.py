"""The figures of one repetition, against counts made by hand, and their medians."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, islice

import numpy as np
import pytest

from distortion_heads.evaluation.figures import combinations, confusion, head_figures, overall_figures, sweep_figures
from distortion_heads.evaluation.outcome import Outcome
from distortion_heads.evaluation.plots import COLORS, MARKERS
from distortion_heads.evaluation.summary import Dataset, Result, summarize, to_markdown

LABELS = ("blur", "noise")
TRUTH = [[1, 0], [1, 0], [0, 1], [0, 1], [1, 1], [0, 0], [0, 0]]
ANSWERS = [[0.9, 0.2], [0.3, 0.1], [0.6, 0.8], [0.1, 0.7], [0.9, 0.9], [0.2, 0.1], [0.2, 0.75]]


def outcome(truth: list[list[int]] = TRUTH, answers: list[list[float]] = ANSWERS, seed: int = 0) -> Outcome:
    present = np.array(truth, bool)
    labels = ("blur", "noise", "smoke")[: present.shape[1]]
    return Outcome(
        method="m",
        protocol="disjoint",
        share=0.8,
        seed=seed,
        labels=labels,
        paths=tuple(f"{i}.png" for i in range(len(truth))),
        scenes=("s",) * len(truth),
        truth=present,
        clean=~present.any(axis=1),
        probability=np.array(answers, float),
        thresholds=np.full(len(labels), 0.5),
        seconds=0.25,
        fit_seconds=1.0,
        n_train=10,
        n_validation=3,
    )


def test_overall_figures() -> None:
    """Wrong are: record 1 (blur missed), 2 (blur heard too), 6 (noise heard in a clean one)."""
    figures = overall_figures(outcome())
    assert figures["exact"] == pytest.approx(4 / 7)
    # blur: 2 right, 1 alarm, 1 missed; noise: 3 right, 1 alarm, none missed
    assert figures["micro_precision"] == pytest.approx(5 / 7)
    assert figures["micro_recall"] == pytest.approx(5 / 6)
    assert figures["macro_precision"] == pytest.approx((2 / 3 + 3 / 4) / 2)
    assert figures["macro_recall"] == pytest.approx((2 / 3 + 1) / 2)
    assert figures["macro_f1"] == pytest.approx((2 / 3 + 6 / 7) / 2)
    assert figures["clean_silent"] == 0.5
    assert figures["seconds"] == 0.25


def test_single_and_multiple_have_the_clean_records_among_their_negatives() -> None:
    figures = overall_figures(outcome())
    assert figures["single_exact"] == pytest.approx(3 / 6)
    assert figures["multiple_exact"] == pytest.approx(2 / 3)
    assert figures["single_right"] == pytest.approx(2 / 4)
    assert figures["multiple_micro_f1"] == pytest.approx(2 * 2 / (2 * 2 + 1))
    only_single = overall_figures(outcome(TRUTH[:4] + TRUTH[5:], ANSWERS[:4] + ANSWERS[5:]))
    assert only_single["multiple_macro_f1"] is None


def test_head_figures() -> None:
    heads = head_figures(outcome())
    assert heads["blur"]["precision"] == pytest.approx(2 / 3)
    assert heads["noise"]["recall"] == 1.0
    assert heads["blur"]["false_alarms_clean"] == 0.0
    assert heads["noise"]["false_alarms_clean"] == 0.5
    # of 3 x 4 pairs, record 1 (0.3) is below record 2 (0.6) alone
    assert heads["blur"]["auroc"] == pytest.approx(11 / 12)


def test_one_class_alone_has_no_auroc_and_one_label_has_true_micro_figures() -> None:
    single = outcome([[1], [1], [0], [0]], [[0.9], [0.2], [0.1], [0.7]])
    figures = overall_figures(single)
    assert figures["micro_precision"] == figures["macro_precision"] == 0.5
    assert figures["micro_recall"] == 0.5
    empty = outcome([[1, 0], [0, 0]], [[0.9, 0.1], [0.1, 0.1]])
    assert head_figures(empty)["noise"]["auroc"] is None
    assert overall_figures(empty)["macro_auroc"] == 1.0
    assert overall_figures(empty)["macro_f1"] == 1.0  # over the labels that are there


def test_sweep_uses_one_threshold_for_all_heads() -> None:
    sweep = sweep_figures(outcome())
    assert list(sweep) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert sweep[0.1]["micro_recall"] == 1.0
    assert sweep[0.3]["exact"] == pytest.approx(5 / 7)  # record 1 is right, 2 and 6 are not
    assert sweep[0.9]["micro_recall"] == pytest.approx(3 / 6)


def test_confusion_takes_the_most_probable_head_that_fires_and_clean_where_none_does() -> None:
    counts = confusion(outcome())
    #                     blur noise clean
    assert counts.tolist() == [[1, 0, 1], [0, 2, 0], [0, 1, 1]]


def test_summary_is_the_median_with_least_and_most() -> None:
    right = outcome(TRUTH, [[float(x) for x in row] for row in TRUTH], seed=1)
    nothing = outcome(TRUTH, [[0.0, 0.0]] * 7, seed=2)
    row = summarize([outcome(), right, nothing])
    exact = row.figures["exact"]
    assert exact is not None
    assert (exact.median, exact.low, exact.high) == (pytest.approx(4 / 7), pytest.approx(2 / 7), 1.0)
    assert row.repetitions == 3
    assert np.sum(row.confusion) == 3 * 6
    assert row.heads["blur"]["recall"].median == pytest.approx(2 / 3)  # type: ignore[union-attr]


def test_combinations_are_sets_of_labels_and_their_answers() -> None:
    """Record 1 is silent, 2 hears blur too, 6 hears noise in a clean one; 4 has both."""
    assert combinations(outcome()) == {
        ("blur", "blur"): 1,
        ("blur", "clean"): 1,
        ("noise", "blur+noise"): 1,
        ("noise", "noise"): 1,
        ("blur+noise", "blur+noise"): 1,
        ("clean", "clean"): 1,
        ("clean", "noise"): 1,
    }


def test_combinations_of_all_repetitions_begin_with_clean_and_end_with_mixtures() -> None:
    row = summarize([outcome(), outcome(seed=1)])
    assert list(row.combinations) == ["clean", "blur", "noise", "blur+noise"]
    assert row.combinations["clean"] == {"clean": 2, "noise": 2}
    assert row.combinations["noise"] == {"noise": 2, "blur+noise": 2}


def report_of(*outcomes: Outcome) -> str:
    """Return report.md, a row for each outcome."""
    dataset = Dataset(name="folder", folder="d", sha256="0" * 64, records=7, scenes=1, clean=2, multiple=1)
    rows = tuple(summarize([each]) for each in outcomes)
    return to_markdown(
        Result(command="c", note="", dataset=dataset, labels=LABELS, frames=None, seed=0, rows=rows, notes=())
    )


def test_report_has_the_papers_table_9_table_11_and_figure_9() -> None:
    few = replace(outcome(), share=0.4, n_train=4, n_validation=1)
    lines = report_of(few, outcome()).splitlines()
    # By hand: 4 of 7 are wholly right; blur is found in 3, 2 of them rightly, noise in 4, 3 of them rightly.
    assert "| method | share | n | all right | blur | noise |" in lines
    assert "| m | 40% | 5 | 0.571 | 0.667 | 0.750 |" in lines
    assert "| m | 80% | 13 | 0.571 | 0.667 | 0.750 |" in lines
    # Single and clean: blur is found in 2, 1 of them rightly, noise in 3, 2 rightly; multiple: 1 of 1, and 1 of 2.
    assert "| m, disjoint | 0.583 | 0.650 | 0.500 | 0.750 | 0.833 | 0.667 | 0.762 |" in lines
    (first, *others) = [line for line in lines if line.endswith(" of 2 |") and line.startswith("| m, disjoint")]
    assert first == "| m, disjoint | blur | clean | 1 of 2 |"
    assert len(others) == 2


def test_wrong_sets_are_the_most_frequent_ones() -> None:
    row = summarize([outcome(), outcome(seed=1)])
    assert row.wrong_sets == [
        ("blur", "clean", 2, 4),
        ("clean", "noise", 2, 4),
        ("noise", "blur+noise", 2, 4),
    ]


def test_no_two_of_many_methods_look_alike() -> None:
    styles = list(islice(zip(cycle(COLORS), cycle(MARKERS), strict=False), 20))
    assert len(set(styles)) == 20


def test_precision_of_single_and_multiple_distortions() -> None:
    """Single with clean: blur 1 right and 1 alarm, noise 2 right and 1 alarm; multiple with clean: noise 1 alarm."""
    figures = overall_figures(outcome())
    assert figures["single_macro_precision"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert figures["multiple_macro_precision"] == pytest.approx((1 + 1 / 2) / 2)


def test_parameters_are_told_where_they_are_known() -> None:
    assert overall_figures(outcome())["parameters"] is None
    row = summarize([replace(outcome(), parameters=7)])
    assert row.figures["parameters"] is not None
    assert row.figures["parameters"].median == 7
