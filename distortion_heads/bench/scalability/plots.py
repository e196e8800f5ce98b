"""The scalability report's plots, as PNG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from distortion_heads.bench.scalability.cost import Costs
from distortion_heads.bench.scalability.incremental import LateHead
from distortion_heads.bench.scalability.report import DESIGNS, ScalabilityReport
from distortion_heads.reports.drawing import INK, MUTED, draw_grid, new_figure, to_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f")


def draw_plots(report: ScalabilityReport) -> dict[str, bytes]:
    """Return PNG by file name, of the parts that were measured."""
    plots = {}
    if report.late_heads:
        plots["incremental.png"] = draw_incremental(report.late_heads)
    if report.costs is not None:
        plots["cost.png"] = draw_costs(report.costs)
    return plots


def draw_incremental(heads: Sequence[LateHead]) -> bytes:
    """Draw AUROC of each late head by number of pictures (dashed: the joint head), and the means of both kinds."""
    figure = new_figure(10.4, 4.2)
    left, right = figure.subplots(1, 2, sharey=True)
    sizes = list(heads[0].late)
    for i, head in enumerate(heads):
        color = COLORS[i % len(COLORS)]
        left.plot(sizes, [head.late[n].auroc for n in sizes], color=color, marker="o", markersize=4, label=head.label)
        left.axhline(head.joint.auroc, color=color, linestyle="--", linewidth=0.9)
    for kind, label, color in (
        ("late", "backbone never saw it", COLORS[0]),
        ("fresh", "backbone saw it, head from scratch", COLORS[2]),
    ):
        means = [sum(getattr(head, kind)[n].auroc for head in heads) / len(heads) for n in sizes]
        right.plot(sizes, means, color=color, marker="o", markersize=4, linewidth=2, label=label)
    joint = sum(head.joint.auroc for head in heads) / len(heads)
    right.axhline(joint, color=MUTED, linestyle="--", label="joint head")
    right.axhspan(joint - 0.01, joint, color=MUTED, alpha=0.15, linewidth=0, label="within 0.01 of joint")
    left.set_ylabel("AUROC on held-out scenes")
    _finish(left, "each distortion (dashed: joint)", "pictures with the distortion", sizes)
    _finish(right, "mean", "pictures with the distortion", sizes)
    return to_png(figure)


def draw_costs(costs: Costs) -> bytes:
    """Draw CPU time per picture and peak memory against the number of heads; hollow: extrapolated."""
    figure = new_figure(10.4, 4.2)
    left, right = figure.subplots(1, 2)
    counts = sorted({row.heads for row in costs.rows})
    panels: tuple[tuple[Any, Callable[[Any], float], str, str], ...] = (
        (left, lambda row: 1000 * row.seconds, "CPU time per picture", "ms"),
        (right, lambda row: row.peak / 2**20, "peak memory", "MiB"),
    )
    for axes, figure_of, title, unit in panels:
        for color, (design, label) in zip(COLORS, DESIGNS.items(), strict=False):
            rows = costs.of(design)  # type: ignore[arg-type]
            real = [row for row in rows if not row.extrapolated]
            axes.plot([r.heads for r in real], [figure_of(r) for r in real], color=color, linewidth=2, label=label)
            axes.plot([r.heads for r in rows], [figure_of(r) for r in rows], color=color, linewidth=1, linestyle=":")
            for row in rows:
                face = "white" if row.extrapolated else color
                axes.plot(row.heads, figure_of(row), marker="o", markersize=5, color=color, markerfacecolor=face)
        axes.set_yscale("log")
        axes.set_ylabel(unit)
        _finish(axes, f"{title} (hollow: extrapolated)", "heads", counts)
    return to_png(figure)


def _finish(axes: Axes, title: str, below: str, ticks: Sequence[int]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(below)
    axes.set_title(title, color=INK)
    draw_grid(axes)
    axes.legend(frameon=False, fontsize=8)
