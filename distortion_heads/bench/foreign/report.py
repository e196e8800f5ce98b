"""The report in one value, and as what report.json holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from distortion_heads.bench.foreign.figures import Figures
from distortion_heads.bench.foreign.versions import OWN_SEVERITY
from distortion_heads.bench.shared.goals import Goal
from distortion_heads.bench.shared.handmade import HANDMADE
from distortion_heads.bench.shared.intervals import Estimate, estimate_text
from distortion_heads.bench.shared.report import CommonSetting, value_of
from distortion_heads.foreign.base import LEVELS
from distortion_heads.reports.markdown import render


@dataclass(frozen=True, kw_only=True)
class Setting(CommonSetting):
    """How it was measured; `libraries`: how many operators of each."""

    seed: int
    pairs: int
    sizes: tuple[int, ...]
    libraries: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class ForeignReport:
    """Everything that was measured."""

    setting: Setting
    goals: tuple[Goal, ...]
    figures: Figures


def compare_goals(figures: Figures) -> tuple[Goal, ...]:
    """Return the goals of a release."""
    sets = {group.name: group for group in figures.sets}

    def value(name: str, field: str = "exact") -> float | None:
        return value_of(getattr(sets[name], field)) if name in sets else None

    raw, stored = value("no codec, both, raw", "found"), value("no codec, both, JPEG 92", "found")
    lost = None if raw is None or stored is None else raw - stored
    clean = [value_of(estimate) for estimate in figures.clean.values()]
    return (
        Goal(figure="single: exact set of families", limit=0.93, measured=value("single, both"), lower=True),
        Goal(figure="pairs: exact set of families", limit=0.80, measured=value("pair, both"), lower=True),
        Goal(figure="family found, raw less JPEG 92 (no codecs)", limit=0.03, measured=lost),
        Goal(figure="clean pictures with an alarm, raw", limit=0.05, measured=clean[0]),
        Goal(figure="clean pictures with an alarm, JPEG 92", limit=0.05, measured=clean[1]),
    )


def to_markdown(report: ForeignReport) -> str:
    """Return the text of report.md."""
    return render(
        "foreign.md.j2", report=report, levels=LEVELS, handmade=HANDMADE, severity=OWN_SEVERITY, text=estimate_text
    )


def summary_rows(report: ForeignReport) -> list[list[str]]:
    """Return a header and a row for each group of versions."""
    rows = [["versions", "n", "exact", "exact of 3", "found", "F1"]]
    for group in report.figures.sets:
        estimates: Sequence[Estimate | None] = (group.exact, group.exact_three, group.found, group.f1)
        rows.append([group.name, str(group.n), *("-" if e is None else f"{e.value:.3f}" for e in estimates)])
    return rows
