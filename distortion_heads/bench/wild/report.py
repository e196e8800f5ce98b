"""The report in one value, and as what report.json holds."""

from __future__ import annotations

from dataclasses import dataclass

from distortion_heads.bench.shared.goals import Goal
from distortion_heads.bench.shared.handmade import HANDMADE
from distortion_heads.bench.shared.intervals import estimate_text
from distortion_heads.bench.shared.report import CommonSetting, value_of
from distortion_heads.bench.wild.figures import Figures
from distortion_heads.reports.markdown import render


@dataclass(frozen=True, kw_only=True)
class Setting(CommonSetting):
    """How it was measured, on the pictures of one split."""

    split: str
    pictures: int


@dataclass(frozen=True, kw_only=True)
class WildReport:
    """Everything that was measured."""

    setting: Setting
    goals: tuple[Goal, ...]
    figures: Figures


def compare_goals(figures: Figures) -> tuple[Goal, ...]:
    """Return the goals of a release: silence on each group's clean pictures, and every clear fault found."""
    silent = [
        Goal(figure=f"clean pictures with an alarm, {group.group}", limit=0.05, measured=value_of(group.alarms))
        for group in figures.clean
    ]
    found = [fault.found for fault in figures.faults]
    share = sum(found) / len(found) if found else None
    return (*silent, Goal(figure="clear faults whose family is found", limit=1.0, measured=share, lower=True))


def to_markdown(report: WildReport) -> str:
    """Return the text of report.md."""
    return render("wild.md.j2", report=report, handmade=HANDMADE, text=estimate_text)
