"""The report in one value, and as what report.json holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from distortion_heads.bench.quality.counterexamples import choose_duels
from distortion_heads.bench.quality.figures import GRADE, Figures
from distortion_heads.bench.quality.measure import QualityPlan
from distortion_heads.bench.shared.goals import Goal
from distortion_heads.bench.shared.report import CommonSetting
from distortion_heads.reports.files import plain
from distortion_heads.reports.markdown import render

GOALS = {"d": 0.95, "l": 0.95, "p": 0.99}
NAMES = {"d": "D-test", "l": "L-test", "p": "P-test"}


@dataclass(frozen=True, kw_only=True)
class Setting(CommonSetting):
    """How it was measured: kinds and heads, on the middle of so many pictures."""

    plan: QualityPlan
    pictures: int
    kinds: int
    heads: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class QualityReport:
    """Everything that was measured."""

    setting: Setting
    goals: tuple[Goal, ...]
    figures: Figures


def compare_goals(figures: Figures, heads: tuple[str, ...]) -> tuple[Goal, ...]:
    """Return the goals of each head of quality."""
    rows = [row for row in figures.scorers if row.name in heads]
    return tuple(
        Goal(figure=f"{NAMES[name]}, {row.title}", limit=limit, measured=getattr(row, name), lower=True)
        for row in rows
        for name, limit in GOALS.items()
    )


def summary_rows(figures: Figures) -> list[list[str]]:
    """Return the table of all scorers, a header first."""
    rows = [["scorer", "original", "D", "L", "P", "P people", "attacks", "defends"]]
    for row in figures.scorers:
        values = (row.d, row.l, row.p, row.p_people, row.attacks, row.defends)
        cells = ["-" if value is None else f"{value:.3f}" for value in values]
        rows.append([row.title, "needed" if row.needs_reference else "", *cells])
    return rows


def report_to_dict(report: QualityReport) -> dict[str, Any]:
    """Return the content of report.json: floats to 5 digits; of the duels those that are drawn."""
    content = asdict(report)
    content["goals"] = [{**asdict(goal), "met": goal.met} for goal in report.goals]
    content["figures"]["duels"] = [asdict(duel) for duel in choose_duels(report.figures.duels, report.setting.heads)]
    return dict(plain(content))


def to_markdown(report: QualityReport) -> str:
    """Return the text of report.md."""
    duels = choose_duels(report.figures.duels, report.setting.heads)
    titles = {row.name: row.title for row in report.figures.scorers}
    return render("quality.md.j2", report=report, duels=duels, titles=titles, grade=GRADE)
