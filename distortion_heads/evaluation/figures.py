"""The figures of one repetition. Shares and scores lie in [0, 1]; None is what cannot be measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.evaluation.outcome import Outcome
from distortion_heads.metrics.scores import auroc, average_precision, mean_of, precision_recall_f1, share

Figures: TypeAlias = dict[str, float | None]

CLEAN = "clean"
SWEEP = tuple(round(0.1 * step, 1) for step in range(1, 10))
"""Common thresholds of all heads (Ameur et al. 2022, Fig. 6)."""

SUBSETS = ("single", "multiple", "all")


def overall_figures(outcome: Outcome) -> Figures:
    """Return the figures over all heads: exact match, micro and macro means, silence on clean, and those of subsets.

    `exact`: share of the records of which every label is right (the paper's accuracy). `clean_silent`: share of the
    clean records on which no head fires. `single_...`, `multiple_...`: records with one, with two or more
    distortions, the clean ones among the negatives of both. `single_right`: share of the records with one
    distortion of which every label is right, which the ICIP 2020 challenge calls F1 on single distortions.
    `seconds`: per picture or frame. `parameters`: numbers that the method holds.
    """
    found = outcome.found
    figures = set_figures(outcome.truth, found)
    pairs = [(p[there], p[~there]) for there, p in zip(outcome.truth.T, outcome.probability.T, strict=True)]
    figures["macro_auroc"] = mean_of([auroc(*pair) for pair in pairs])
    figures["macro_ap"] = mean_of([average_precision(*pair) for pair in pairs])
    figures["clean_silent"] = share(np.logical_not(found[outcome.clean].any(axis=1)))
    counts = outcome.truth.sum(axis=1)
    for name, chosen in (("single", counts == 1), ("multiple", counts > 1)):
        rows = chosen | outcome.clean
        subset = set_figures(outcome.truth[rows], found[rows]) if chosen.any() else {}
        for figure in ("exact", "micro_f1", "macro_precision", "macro_f1"):
            figures[f"{name}_{figure}"] = subset.get(figure)
    figures["single_right"] = single_right(outcome.truth, found)
    figures["seconds"], figures["fit_seconds"] = outcome.seconds, outcome.fit_seconds
    figures["parameters"] = outcome.parameters
    return figures


def head_figures(outcome: Outcome) -> dict[str, Figures]:
    """Return by label precision, recall, F1 at its threshold, AUROC, AP and the share of alarms on clean records."""
    found = outcome.found
    figures = {}
    for column, label in enumerate(outcome.labels):
        truth, probability = outcome.truth[:, column], outcome.probability[:, column]
        figures[label] = {
            **_binary(truth, found[:, column]),
            "auroc": auroc(probability[truth], probability[~truth]),
            "ap": average_precision(probability[truth], probability[~truth]),
            "false_alarms_clean": share(found[outcome.clean, column]),
            "threshold": float(outcome.thresholds[column]),
        }
    return figures


def sweep_figures(outcome: Outcome) -> dict[float, Figures]:
    """Return `set_figures` with one threshold for all heads."""
    return {value: set_figures(outcome.truth, outcome.probability >= value) for value in SWEEP}


def confusion(outcome: Outcome) -> NDArray[np.int64]:
    """Return counts (labels + 1, labels + 1), clean last, of the records with at most one distortion.

    Rows: what is there. Columns: the most probable of the heads that fire; clean where none does.
    """
    none = len(outcome.labels)
    rows = outcome.truth.sum(axis=1) <= 1
    truth = np.where(outcome.truth.any(axis=1), outcome.truth.argmax(axis=1), none)[rows]
    firing = np.where(outcome.found, outcome.probability, -1.0)
    answer = np.where(outcome.found.any(axis=1), firing.argmax(axis=1), none)[rows]
    counts = np.zeros((none + 1, none + 1), np.int64)
    np.add.at(counts, (truth, answer), 1)
    return counts


def combinations(outcome: Outcome) -> dict[tuple[str, str], int]:
    """Return how many records with one set of labels got another as the answer (Ameur et al. 2022, Fig. 9).

    A set is its labels with "+" between them, `CLEAN` without any; sets of which there is no such pair are left out.
    """
    there, found = (_set_names(flags, outcome.labels) for flags in (outcome.truth, outcome.found))
    return dict(Counter(zip(there, found, strict=True)))


def _set_names(flags: NDArray[np.bool_], labels: Sequence[str]) -> list[str]:
    return ["+".join(label for label, flag in zip(labels, row, strict=True) if flag) or CLEAN for row in flags]


def set_figures(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> Figures:
    """Return exact match, micro and macro precision, recall and F1; bool (n, labels) each.

    Macro is the mean over the labels that are present somewhere.
    """
    micro = _binary(truth.ravel(), found.ravel())
    each = [_binary(truth[:, i], found[:, i]) for i in range(truth.shape[1]) if truth[:, i].any()]
    figures: Figures = {"exact": share((truth == found).all(axis=1))}
    for name in ("precision", "recall", "f1"):
        figures[f"micro_{name}"] = micro[name]
        figures[f"macro_{name}"] = mean_of([one[name] for one in each])
    return figures


def single_right(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> float | None:
    """Return the share of records with one distortion that are answered with it alone; bool (n, labels) each.

    The micro F1 of the challenge's scoring program on these records, where an answer with several labels is one wrong
    class.
    """
    single = truth.sum(axis=1) == 1
    return share((truth == found).all(axis=1)[single])


def _binary(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> dict[str, float]:
    return dict(zip(("precision", "recall", "f1"), precision_recall_f1(truth, found), strict=True))
