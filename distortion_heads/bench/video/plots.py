"""The report's plots, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads.bench.video.figures import CodingFigures
from distortion_heads.bench.video.report import VideoReport
from distortion_heads.reports.drawing import GRID, INK, MAP, MUTED, annotate, name_axes, new_figure, to_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = ("#1f2937", "#2563eb", "#059669", "#d97706", "#7c3aed", "#dc2626", "#0891b2", "#be185d")
FAR = 8
"""Frames: errors beyond this are drawn at the edge of the plot."""


def draw_plots(report: VideoReport) -> dict[str, bytes]:
    """Return PNG by file name."""
    return {"f1.png": draw_f1(report), "edges.png": draw_edges(report), "fires.png": draw_fires(report)}


def draw_f1(report: VideoReport) -> bytes:
    """Draw F1 of each head (rows) by codec (columns), against the other frames and against other distortions."""
    figure = new_figure(3.4 + 1.25 * len(report.codings), 2.2 + 0.3 * len(report.labels))
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, name, title in ((left, "f1_outside", "other frames"), (right, "f1_others", "other distortions")):
        scores = [[getattr(coding.heads[i], name) for coding in report.codings] for i in range(len(report.labels))]
        values = np.array(scores, float)
        axes.imshow(values, cmap=MAP, vmin=0, vmax=1, aspect="auto")
        annotate(axes, values, dark=values > 0.6, shown=np.isfinite(values), text="{:.2f}")
        name_axes(axes, report.labels, [coding.coding for coding in report.codings])
        axes.set_title(f"F1 against {title}", color=INK, fontsize=10)
    return to_png(figure)


def draw_edges(report: VideoReport) -> bytes:
    """Draw the errors of onset and offset in frames, one mark per interval that was found, coloured by codec."""
    figure = new_figure(10.4, 1.8 + 0.42 * len(report.labels))
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, edge in ((left, "onset"), (right, "offset")):
        _draw_errors(axes, report, edge)
        axes.set_title(f"{edge[0].upper()}{edge[1:]} error", color=INK, fontsize=10)
        axes.set_xlabel(f"frames; positive is late; beyond {FAR} at the edge")
    left.set_yticks(range(len(report.labels)), report.labels, fontsize=8)
    left.set_ylim(len(report.labels) - 0.5, -0.5)
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False, fontsize=8)
    return to_png(figure)


def _draw_errors(axes: Axes, report: VideoReport, edge: str) -> None:
    spread = np.linspace(-0.32, 0.32, len(report.codings)) if len(report.codings) > 1 else np.zeros(1)
    for i, coding in enumerate(report.codings):
        points = [
            (min(max(error, -FAR), FAR), row + spread[i] + 0.03 * (number - (len(errors) - 1) / 2))
            for row, errors in enumerate(getattr(head, edge) for head in coding.heads)
            for number, error in enumerate(sorted(errors))
        ]
        x, y = zip(*points, strict=True) if points else ((), ())
        axes.scatter(x, y, s=14, color=COLORS[i % len(COLORS)], alpha=0.8, linewidths=0, label=coding.coding)
    axes.axvline(0, color=MUTED, linewidth=1, zorder=0)
    axes.set_xlim(-FAR - 0.6, FAR + 0.6)
    axes.set_xticks(range(-FAR, FAR + 1, 2))
    for row in range(1, len(report.labels)):
        axes.axhline(row - 0.5, color=GRID, linewidth=0.8, zorder=0)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def draw_fires(report: VideoReport) -> bytes:
    """Draw the percentage of frames with each distortion (rows) on which each head fires (columns)."""
    shown = _extremes(report.codings)
    side = 1.8 + 0.36 * len(report.labels)
    figure = new_figure(1.2 + side * len(shown), side + 0.6)
    for i, (axes, coding) in enumerate(zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True)):
        percent = 100 * np.array(coding.fires)
        axes.imshow(percent, cmap=MAP, vmin=0, vmax=100)
        annotate(axes, percent, dark=percent > 55, shown=percent >= 0.5, text="{:.0f}")
        name_axes(axes, report.labels if i == 0 else [""] * len(report.labels), report.labels)
        axes.set_xlabel("head that fires, % of frames")
        axes.set_title(coding.coding, color=INK, fontsize=10)
    figure.axes[0].set_ylabel("distortion")
    return to_png(figure)


def _extremes(codings: Sequence[CodingFigures]) -> tuple[CodingFigures, ...]:
    """Return the first coding, and the one at which the files are smallest."""
    smallest = min(codings, key=lambda coding: coding.bit_rate)
    return (codings[0],) if smallest is codings[0] else (codings[0], smallest)
