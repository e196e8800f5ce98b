"""The findings of the scalability bench, and the goals beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from distortion_heads.backbones.architecture import WIDTHS
from distortion_heads.bench.scalability.attach import Attachment, NewHead
from distortion_heads.bench.scalability.cost import LOADS, Cost, Costs
from distortion_heads.bench.scalability.incremental import LateHead
from distortion_heads.bench.shared.goals import Goal
from distortion_heads.reports.markdown import render

DESIGNS = {
    "heads": "N heads on one backbone",
    "networks": "N separate networks",
    "towers": "N towers on DenseNet169",
}
JOINT_TRAINING = "joint training : add-head"
ENOUGH = 500
"""Pictures from which a late head should be as good as a joint one."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How it was measured. `bank` to `test_pictures` are of the incremental part."""

    command: str
    backbone: str
    cores: int
    bank: tuple[str, ...]
    widths: tuple[int, ...]
    steps: int
    batch: int
    sizes: tuple[int, ...]
    test_pictures: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class ScalabilityReport:
    """A part that was left out is empty or None."""

    setting: Setting
    late_heads: tuple[LateHead, ...]
    attachments: tuple[Attachment, ...]
    costs: Costs | None
    new_head: NewHead | None

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The project's goals, each with what was measured."""
        costs, new = self.costs, self.new_head
        rows = {} if costs is None else {row.heads: row for row in costs.of("heads") if not row.extrapolated}
        growth = None if costs is None or (bytes_ := memory_growth(costs)) is None else bytes_ / costs.own
        joint, one_pass = (None, None) if new is None else (new.joint / new.add_head, new.add_head / new.one_pass)
        like, best = (_largest(gaps(self.late_heads)) for gaps in (like_gaps, best_gaps))
        changed = sum(each.changed for each in self.attachments) if self.attachments else None
        figures = (
            ("AUROC of heads on the joint backbone less late heads of as many pictures, mean, from 500 on", 0.01, like),
            ("AUROC of the best joint heads less late heads, mean, from 500 pictures on", 0.01, best),
            ("outputs of earlier heads that change", 0, changed),
            ("time per picture, 100 heads : 1 head", 1.05, _ratio(rows, 100)),
            ("time per picture, 1000 heads : 1 head", 1.5, _ratio(rows, 1000)),
            ("seconds to load 1000 heads", 1.0, rows[1000].load if 1000 in rows else None),
            ("growth of peak memory : float32 weights of the heads", 1.0, growth),
            (JOINT_TRAINING, 50, joint),
            ("add-head : one pass of the backbone over its pictures", 1.2, one_pass),
        )
        return tuple(
            Goal(figure=figure, limit=limit, measured=measured, lower=figure == JOINT_TRAINING)
            for figure, limit, measured in figures
        )


def like_gaps(heads: Sequence[LateHead]) -> dict[int, float]:
    """Return by number of pictures the mean of AUROC on the backbone that knows the distortion less the late one."""
    return _mean_gaps(heads, lambda head, n: head.fresh[n].auroc)


def best_gaps(heads: Sequence[LateHead]) -> dict[int, float]:
    """Return by number of pictures the mean of AUROC of the best of all joint heads less the late one."""
    return _mean_gaps(heads, lambda head, n: max(head.joint.auroc, *(score.auroc for score in head.fresh.values())))


def _mean_gaps(heads: Sequence[LateHead], joint: Callable[[LateHead, int], float]) -> dict[int, float]:
    if not heads:
        return {}
    return {n: sum(joint(head, n) - head.late[n].auroc for head in heads) / len(heads) for n in heads[0].late}


def memory_growth(costs: Costs) -> float | None:
    """Return the bytes that a head adds to the peak memory, between the fewest and the most heads."""
    rows = [row for row in costs.of("heads") if not row.extrapolated]
    if len(rows) < 2:
        return None
    return (rows[-1].peak - rows[0].peak) / (rows[-1].heads - rows[0].heads)


def report_to_dict(report: ScalabilityReport) -> dict[str, Any]:
    """Return the content of report.json."""
    content = asdict(report)
    content["goals"] = [
        {"figure": g.figure, "limit": g.limit, "measured": g.measured, "lower": g.lower, "met": g.met}
        for g in report.goals
    ]
    return content


def to_markdown(report: ScalabilityReport) -> str:
    """Return the text of report.md."""
    return render(
        "scalability.md.j2",
        report=report,
        best_gaps=best_gaps(report.late_heads),
        like_gaps=like_gaps(report.late_heads),
        growth=None if report.costs is None else memory_growth(report.costs),
        designs=DESIGNS,
        loads=LOADS,
        bundled_widths=WIDTHS,
    )


def _largest(gaps: Mapping[int, float]) -> float | None:
    """From `ENOUGH` pictures on."""
    return max((gap for size, gap in gaps.items() if size >= ENOUGH), default=None)


def _ratio(rows: dict[int, Cost], count: int) -> float | None:
    return rows[count].seconds / rows[1].seconds if {1, count} <= rows.keys() else None
