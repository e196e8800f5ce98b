"""The beginning of the report of a bench, and how it becomes JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from distortion_heads.bench.shared.intervals import Estimate
from distortion_heads.reports.files import plain

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, kw_only=True)
class CommonSetting:
    """How it was measured; `left_out` and `unreadable`: a sentence on each head, each picture that was not."""

    command: str
    backbone: str
    left_out: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


def report_to_dict(report: DataclassInstance) -> dict[str, Any]:
    """Return the content of report.json: floats to 5 digits, None for what could not be measured."""
    content = asdict(report)
    if hasattr(report, "goals"):
        content["goals"] = [{**asdict(goal), "met": goal.met} for goal in report.goals]
    return dict(plain(content))


def value_of(estimate: Estimate | None) -> float | None:
    """Return the figure without its interval."""
    return None if estimate is None else estimate.value
