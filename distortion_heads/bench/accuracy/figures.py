"""Accuracy of single heads, and all figures of one set of outcomes put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.accuracy.choices import MixtureFigures, family_top1, four_choice, mixture_figures, top1
from distortion_heads.bench.accuracy.outcomes import Outcomes
from distortion_heads.datasets.published.kadid import TYPES as KADID
from distortion_heads.metrics.measure import expected_calibration_error
from distortion_heads.metrics.scores import auroc, average_precision, f1_score, mean_of, share

POOLS: Mapping[str, tuple[int, int]] = {
    "1": (1, 1), "2": (2, 2), "3": (3, 3), "4": (4, 4), "5": (5, 5), "1-2": (1, 2), "3-5": (3, 5), "2-5": (2, 5),
    "1-5": (1, 5),
}  # fmt: skip
"""Lowest and highest severity of what is pooled."""


@dataclass(frozen=True, kw_only=True)
class Detection:
    """One head on the pictures with its distortion alone, of one pool of severities (`n` of them).

    The negatives are the clean pictures, or those with one other distortion of the same severities; `f1` is at the
    shipped threshold against both. AP and F1 depend on how many negatives there are. None: not measurable.
    """

    n: int
    auroc_clean: float | None
    auroc_others: float | None
    ap_clean: float | None
    ap_others: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, kw_only=True)
class HeadFigures:
    """One head. Severity figures are on the pictures with its distortion alone, all severities, found or not.

    `ece` is over the clean pictures and those with one distortion, all severities; false alarms are shares.
    """

    label: str
    family: str
    threshold: float
    detection: Mapping[str, Detection]
    ece: float | None
    false_alarms_clean: float | None
    false_alarms_others: float | None
    severity_mae: float | None
    severity_rank: float | None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All figures of one set of heads on one set of pictures; `macro` is the mean over heads, by pool, then figure."""

    pictures: int
    versions: int
    heads: tuple[HeadFigures, ...]
    macro: Mapping[str, Mapping[str, float | None]]
    ece: float | None
    f1: float | None
    clean_silent: float | None
    top1: float | None
    top1_kadid: float | None
    four_choice: float | None
    family_top1: Mapping[str, float | None]
    mixtures: Mapping[str, MixtureFigures]
    severity_mae: float | None
    severity_rank: float | None


def compute_figures(outcomes: Outcomes) -> Figures:
    """Return all figures of `outcomes`."""
    heads = tuple(head_figures(outcomes, i) for i in range(len(outcomes.labels)))
    clean = outcomes.rows(outcomes.clean)
    middle = outcomes.rows(outcomes.singles(2, 5))
    return Figures(
        pictures=len(np.unique(outcomes.picture)),
        versions=len(outcomes),
        heads=heads,
        macro={pool: _macro([head.detection[pool] for head in heads]) for pool in POOLS},
        ece=mean_of([head.ece for head in heads]),
        f1=mean_of([head.detection["2-5"].f1 for head in heads]),
        clean_silent=share(~clean.fires.any(axis=1)),
        top1=top1(middle),
        top1_kadid=top1(middle.only(KADID)) if set(KADID) <= set(outcomes.labels) else None,
        four_choice=four_choice(outcomes.rows(outcomes.singles())),
        family_top1=family_top1(middle),
        mixtures={
            "one": mixture_figures(middle),
            "two": mixture_figures(outcomes.rows(outcomes.size == 2)),
            "three": mixture_figures(outcomes.rows(outcomes.size == 3)),
        },
        severity_mae=mean_of([head.severity_mae for head in heads]),
        severity_rank=mean_of([head.severity_rank for head in heads]),
    )


def head_figures(outcomes: Outcomes, head: int) -> HeadFigures:
    """Return the figures of the head in column `head`."""
    mine = outcomes.present[:, head]
    single, clean = outcomes.singles(), outcomes.clean
    judged = single | clean
    fires = outcomes.fires[:, head]
    mae, rank = _severity(outcomes.truth[single & mine, head], outcomes.severity[single & mine, head])
    return HeadFigures(
        label=outcomes.labels[head],
        family=outcomes.families[head],
        threshold=outcomes.thresholds[head],
        detection={pool: _detection(outcomes, head, *limits) for pool, limits in POOLS.items()},
        ece=expected_calibration_error(outcomes.probability[judged, head], mine[judged]) if judged.any() else None,
        false_alarms_clean=share(fires[clean]),
        false_alarms_others=share(fires[outcomes.singles(2, 5) & ~mine]),
        severity_mae=mae,
        severity_rank=rank,
    )


def _detection(outcomes: Outcomes, head: int, low: int, high: int) -> Detection:
    single = outcomes.singles(low, high)
    mine = single & outcomes.present[:, head]
    others, clean = single & ~mine, outcomes.clean
    scores, fires = outcomes.probability[:, head], outcomes.fires[:, head]
    found, missed = int(fires[mine].sum()), int((~fires[mine]).sum())
    alarms = int(fires[others | clean].sum())
    return Detection(
        n=int(mine.sum()),
        auroc_clean=auroc(scores[mine], scores[clean]),
        auroc_others=auroc(scores[mine], scores[others]),
        ap_clean=average_precision(scores[mine], scores[clean]),
        ap_others=average_precision(scores[mine], scores[others]),
        recall=share(fires[mine]),
        f1=f1_score(found, missed, alarms) if mine.any() else None,
    )


def _severity(truth: NDArray[np.floating], answer: NDArray[np.float64]) -> tuple[float | None, float | None]:
    """Return mean absolute error and Spearman's rank correlation, which is 0 where all answers are the same."""
    from scipy.stats import spearmanr

    known = np.isfinite(answer)
    truth, answer = truth[known], answer[known]
    if len(answer) == 0:
        return None, None
    error = float(np.abs(answer - truth).mean())
    if np.ptp(truth) == 0:
        return error, None
    return error, 0.0 if np.ptp(answer) == 0 else float(spearmanr(truth, answer).statistic)


def _macro(detections: Sequence[Detection]) -> dict[str, float | None]:
    names = ("auroc_clean", "auroc_others", "ap_clean", "ap_others", "recall", "f1")
    return {name: mean_of([getattr(detection, name) for detection in detections]) for name in names}
