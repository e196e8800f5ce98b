"""The report in one value, and as what report.json holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distortion_heads.bench.shared.goals import Goal
from distortion_heads.reports.markdown import render

LEAST_AREA, LEAST_OVERLAP, MOST_COST = 0.95, 0.6, 1.3


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How it was measured."""

    command: str
    backbone: str
    pictures: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """Means over the cases of one distortion: AUROC over pixels and overlap, `at_five` at the highest severity.

    `present`: the share in which the whole picture's answer has it; `found`: that, or in a part of it.
    """

    label: str
    cases: int
    area: float
    overlap: float
    at_five: float
    present: float
    found: float


@dataclass(frozen=True, kw_only=True)
class HeatReport:
    """Everything that was measured; `alarms`: shares of clean pictures in a part of which a family is found."""

    setting: Setting
    goals: tuple[Goal, ...]
    rows: tuple[Row, ...]
    alarms: Mapping[str, float]


def compare_goals(rows: Sequence[Row], cost: float | None) -> tuple[Goal, ...]:
    """Return the goals beside the figures of each distortion; `cost` as a multiple of that without maps."""
    goals = []
    for row in rows:
        goals.append(Goal(figure=f"AUROC over pixels, {row.label}", limit=LEAST_AREA, measured=row.area, lower=True))
        overlap = f"intersection over union, {row.label}"
        goals.append(Goal(figure=overlap, limit=LEAST_OVERLAP, measured=row.overlap, lower=True))
    return (*goals, Goal(figure="cost, of that without maps", limit=MOST_COST, measured=cost))


def to_markdown(report: HeatReport) -> str:
    """Return the text of report.md."""
    return render("heat.md.j2", report=report)
