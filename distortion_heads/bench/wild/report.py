"""The report in one value, and as what report.json holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from distortion_heads.bench.shared.goals import Goal
from distortion_heads.bench.shared.handmade import HANDMADE
from distortion_heads.bench.shared.intervals import estimate_text
from distortion_heads.bench.wild.figures import Figures
from distortion_heads.reports.files import plain
from distortion_heads.reports.markdown import render


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How it was measured; `left_out` and `unreadable`: a sentence on each head, each picture that was not."""

    command: str
    backbone: str
    split: str
    pictures: int
    left_out: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WildReport:
    """Everything that was measured."""

    setting: Setting
    goals: tuple[Goal, ...]
    figures: Figures


def compare_goals(figures: Figures) -> tuple[Goal, ...]:
    """Return the goals of a release: silence on each group's clean pictures, and every clear fault found."""
    silent = [
        Goal(
            figure=f"clean pictures with an alarm, {group.group}",
            limit=0.05,
            measured=None if group.alarms is None else group.alarms.value,
        )
        for group in figures.clean
    ]
    found = [fault.found for fault in figures.faults]
    share = sum(found) / len(found) if found else None
    return (*silent, Goal(figure="clear faults whose family is found", limit=1.0, measured=share, lower=True))


def report_to_dict(report: WildReport) -> dict[str, Any]:
    """Return the content of report.json: floats to 5 digits, None for what could not be measured."""
    goals = [{**asdict(goal), "met": goal.met} for goal in report.goals]
    content: dict[str, Any] = plain({**asdict(report), "goals": goals})
    return content


def to_markdown(report: WildReport) -> str:
    """Return the text of report.md."""
    return render("wild.md.j2", report=report, handmade=HANDMADE, text=estimate_text)
