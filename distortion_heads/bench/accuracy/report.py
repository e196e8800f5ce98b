"""Outcomes -> the report: every figure in one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from distortion_heads.bench.accuracy.choices import Pair, confused_pairs, confusion
from distortion_heads.bench.accuracy.figures import Figures, compute_figures
from distortion_heads.bench.accuracy.goals import NINE, compare_goals
from distortion_heads.bench.accuracy.outcomes import Outcomes
from distortion_heads.bench.shared.goals import Goal
from distortion_heads.bench.shared.report import CommonSetting
from distortion_heads.datasets.published.kadid import TYPES as KADID
from distortion_heads.metrics.measure import ECE_BINS
from distortion_heads.reports.files import plain
from distortion_heads.reports.markdown import render


@dataclass(frozen=True, kw_only=True)
class Setting(CommonSetting):
    """How it was measured, with `mixtures` of two distortions, and as many of three, of each picture."""

    seed: int
    mixtures: int


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """`counts[true][found]`, severities 2 to 5, in the order of `labels`."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Bin:
    """`n` probabilities of one interval: their mean, and the share of them that was right to say present."""

    n: int
    confidence: float
    frequency: float


@dataclass(frozen=True, kw_only=True)
class CleanAlarm:
    """A clean picture on which heads fire, and how probable they say it is."""

    picture: str
    source: str
    heads: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that was measured. `nine`: those heads alone, on their own distortions; None unless all are there.

    `confusion`: the types of KADID-10k that are there.
    """

    setting: Setting
    goals: tuple[Goal, ...]
    figures: Figures
    nine: Figures | None
    sources: Mapping[str, Figures]
    confusion: Confusion
    pairs: tuple[Pair, ...]
    reliability: tuple[Bin, ...]
    clean_alarms: tuple[CleanAlarm, ...]


def make_report(outcomes: Outcomes, setting: Setting) -> Report:
    """Return all figures."""
    figures = compute_figures(outcomes)
    nine = compute_figures(outcomes.only(NINE)) if set(NINE) <= set(outcomes.labels) else None
    middle = outcomes.rows(outcomes.singles(2, 5))
    kadid = middle.only(KADID)
    return Report(
        setting=setting,
        goals=compare_goals(figures, nine),
        figures=figures,
        nine=nine,
        sources={source: compute_figures(outcomes.from_source(source)) for source in sorted(set(outcomes.sources))},
        confusion=Confusion(labels=kadid.labels, counts=tuple(map(tuple, confusion(kadid).tolist()))),
        pairs=confused_pairs(middle),
        reliability=reliability(outcomes.rows(outcomes.clean | outcomes.singles())),
        clean_alarms=_clean_alarms(outcomes.rows(outcomes.clean)),
    )


def reliability(outcomes: Outcomes) -> tuple[Bin, ...]:
    """Return equal bins of probability, all heads together; empty ones are left out."""
    probability, truth = outcomes.probability.ravel(), outcomes.present.ravel()
    bins = np.minimum((probability * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    filled = [bins == i for i in range(ECE_BINS) if (bins == i).any()]
    return tuple(
        Bin(n=int(there.sum()), confidence=float(probability[there].mean()), frequency=float(truth[there].mean()))
        for there in filled
    )


def report_to_dict(report: Report) -> dict[str, Any]:
    """Return the content of report.json: floats to 5 digits, None for what could not be measured."""
    goals = [
        {"figure": g.figure, "at_least": g.limit, "measured": g.measured, "published": g.published, "met": g.met}
        for g in report.goals
    ]
    content: dict[str, Any] = plain({**asdict(report), "goals": goals})
    return content


def to_markdown(report: Report) -> str:
    """Return the text of report.md."""
    mixtures = {name: mixture for name, mixture in report.figures.mixtures.items() if mixture.n}
    return render("accuracy.md.j2", report=report, mixtures=mixtures)


def _clean_alarms(clean: Outcomes) -> tuple[CleanAlarm, ...]:
    alarms = []
    for row in np.flatnonzero(clean.fires.any(axis=1)):
        picture = int(clean.picture[row])
        heads = {clean.labels[i]: float(clean.probability[row, i]) for i in np.flatnonzero(clean.fires[row])}
        alarms.append(CleanAlarm(picture=clean.pictures[picture], source=clean.sources[picture], heads=heads))
    return tuple(alarms)
