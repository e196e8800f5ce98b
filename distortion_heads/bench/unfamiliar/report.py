"""The report in one value, and as what report.json holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distortion_heads.bench.shared.goals import Goal
from distortion_heads.metrics.intervals import Interval
from distortion_heads.reports.markdown import render


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How it was measured; `cost`: time of the distance as a share of that of the features before it, medians."""

    command: str
    backbone: str
    model: Mapping[str, Any]
    limit: float
    cost: float


@dataclass(frozen=True, kw_only=True)
class Group:
    """`n` pictures: AUROC of their distances against all photographs, and the share marked with its 95 % interval."""

    name: str
    n: int
    auroc: float | None
    flagged: float
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class UnfamiliarReport:
    """Everything that was measured."""

    setting: Setting
    goals: tuple[Goal, ...]
    groups: tuple[Group, ...]


def to_markdown(report: UnfamiliarReport) -> str:
    """Return the text of report.md."""
    return render("unfamiliar.md.j2", report=report)
