"""The report in one value, and as what report.json holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from distortion_heads.bench.mixtures.figures import Figures
from distortion_heads.bench.shared.goals import Goal
from distortion_heads.bench.shared.intervals import Estimate, estimate_text
from distortion_heads.reports.files import plain
from distortion_heads.reports.markdown import render


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How it was measured; `left_out` and `unreadable`: a sentence on each head, each picture that was not."""

    command: str
    backbone: str
    seed: int
    pictures: int
    versions: int
    faults: int
    left_out: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MixturesReport:
    """Everything that was measured."""

    setting: Setting
    goals: tuple[Goal, ...]
    figures: Figures


def compare_goals(figures: Figures) -> tuple[Goal, ...]:
    """Return the goals of a release: sets of families over all mixtures."""
    every = figures.sets[0]

    def value(estimate: Estimate | None) -> float | None:
        return None if estimate is None else estimate.value

    return (
        Goal(figure="exact set of families", limit=0.8, measured=value(every.exact), lower=True),
        Goal(figure="F1 over families", limit=0.93, measured=value(every.f1), lower=True),
    )


def report_to_dict(report: MixturesReport) -> dict[str, Any]:
    """Return the content of report.json: floats to 5 digits, None for what could not be measured."""
    goals = [{**asdict(goal), "met": goal.met} for goal in report.goals]
    content: dict[str, Any] = plain({**asdict(report), "goals": goals})
    return content


def to_markdown(report: MixturesReport) -> str:
    """Return the text of report.md."""
    return render("mixtures.md.j2", report=report, text=estimate_text)
