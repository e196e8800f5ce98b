"""The report in one value, and as what report.json holds."""

from __future__ import annotations

from dataclasses import dataclass

from distortion_heads.bench.mixtures.figures import Figures
from distortion_heads.bench.shared.goals import Goal
from distortion_heads.bench.shared.intervals import estimate_text
from distortion_heads.bench.shared.report import CommonSetting, value_of
from distortion_heads.reports.markdown import render


@dataclass(frozen=True, kw_only=True)
class Setting(CommonSetting):
    """How it was measured, with `versions` mixtures of `faults` families of each picture."""

    seed: int
    pictures: int
    versions: int
    faults: int


@dataclass(frozen=True, kw_only=True)
class MixturesReport:
    """Everything that was measured."""

    setting: Setting
    goals: tuple[Goal, ...]
    figures: Figures


def compare_goals(figures: Figures) -> tuple[Goal, ...]:
    """Return the goals of a release: sets of families over all mixtures."""
    every = figures.sets[0]
    return (
        Goal(figure="exact set of families", limit=0.8, measured=value_of(every.exact), lower=True),
        Goal(figure="F1 over families", limit=0.93, measured=value_of(every.f1), lower=True),
    )


def to_markdown(report: MixturesReport) -> str:
    """Return the text of report.md."""
    return render("mixtures.md.j2", report=report, text=estimate_text)
