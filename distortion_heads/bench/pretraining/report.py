"""The report in one value, and as what report.json and report.md hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from distortion_heads.bench.pretraining.pictures import SIDE
from distortion_heads.bench.pretraining.schemes import CROP, SchemePlan, SchemeRow
from distortion_heads.bench.pretraining.targets import FOLDS, TargetRow, winner
from distortion_heads.bench.shared.report import CommonSetting
from distortion_heads.reports.files import plain
from distortion_heads.reports.markdown import number, render

QUESTIONS = {
    "levels": "the targets themselves, kinds and levels",
    "kinds": "the targets themselves, kinds at level 3",
    "learnt": "heads that learnt them, other scenes",
    "unseen": "heads that learnt them, other scenes and other kinds",
}


@dataclass(frozen=True, kw_only=True)
class Setting(CommonSetting):
    """How it was measured: pictures and scenes of both sets; kinds, and kinds with levels, that the rated ones have."""

    plan: SchemePlan
    scored: int
    rated: int
    scored_scenes: int
    rated_scenes: int
    levels: int
    kinds: int


@dataclass(frozen=True, kw_only=True)
class PretrainingReport:
    """Everything that was measured; a part that was not is empty."""

    setting: Setting
    targets: tuple[TargetRow, ...]
    schemes: tuple[SchemeRow, ...]

    @property
    def winners(self) -> dict[str, str | None]:
        """Return the best target by question."""
        return {QUESTIONS[figure]: winner(self.targets, figure) for figure in QUESTIONS}


def report_to_dict(report: PretrainingReport) -> dict[str, Any]:
    """Return the content of report.json: floats to 5 digits."""
    return dict(plain({**asdict(report), "winners": report.winners if report.targets else {}}))


def to_markdown(report: PretrainingReport) -> str:
    """Return the text of report.md."""
    return render(
        "pretraining.md.j2", report=report, rows=target_rows, schemes=scheme_rows, side=SIDE, crop=CROP, folds=FOLDS
    )


def target_rows(report: PretrainingReport) -> list[list[str]]:
    """Return the table of targets, a header first."""
    header = ["target", "kinds and levels", "kinds at level 3", "head", "head, other kinds"]
    return [header, *([row.name, *(_cell(row, figure) for figure in QUESTIONS)] for row in report.targets)]


def _cell(row: TargetRow, figure: str) -> str:
    ends = row.spread.get(figure)
    value = number(getattr(row, figure))
    return value if ends is None else f"{value} ({ends[0]:.2f} to {ends[1]:.2f})"


def scheme_rows(report: PretrainingReport) -> list[list[str]]:
    """Return the table of schemes, a header first."""
    header = ["scheme", "SROCC", "PLCC", "SROCC in the paper"]
    return [header, *([row.name, *map(number, (row.srocc, row.plcc, row.paper))] for row in report.schemes)]
