"""The report's plots, as PNG."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from distortion_heads.bench.accuracy.figures import HeadFigures
from distortion_heads.bench.accuracy.report import Bin, Confusion, Report
from distortion_heads.reports.drawing import INK, MAP, MUTED, annotate, draw_grid, name_axes, new_figure, to_png

FAINTEST = 0.7
"""AUROC that is drawn white, as are those below."""

SEVERITIES = ("1", "2", "3", "4", "5")


def draw_plots(report: Report) -> dict[str, bytes]:
    """Return PNG by file name; there is a confusion matrix only if there are two types to confuse."""
    plots = {"auroc.png": draw_auroc(report.figures.heads), "reliability.png": draw_reliability(report.reliability)}
    if len(report.confusion.labels) > 1:
        plots["confusion.png"] = draw_confusion(report.confusion)
    return plots


def draw_confusion(confusion: Confusion) -> bytes:
    """Draw the percentage of each true type (rows) by most probable head (columns)."""
    counts = np.asarray(confusion.counts, float)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 2.4 + 0.36 * len(percent)
    figure = new_figure(size + 0.6, size)
    axes = figure.add_subplot()
    axes.imshow(percent, cmap=MAP, vmin=0, vmax=100)
    annotate(axes, percent, dark=percent > 55, shown=percent >= 0.5, text="{:.0f}")
    name_axes(axes, confusion.labels, confusion.labels)
    axes.set_xlabel("most probable head")
    axes.set_ylabel("distortion")
    axes.set_title("Percent of each distortion, severities 2-5", color=INK)
    return to_png(figure)


def draw_auroc(heads: Sequence[HeadFigures]) -> bytes:
    """Draw AUROC of each head (rows) by severity (columns), against clean pictures and against other distortions."""
    labels = [head.label for head in heads]
    figure = new_figure(8.6, 1.7 + 0.28 * len(labels))
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, name, title in ((left, "auroc_clean", "against clean"), (right, "auroc_others", "against others")):
        scores = [[getattr(head.detection[level], name) for level in SEVERITIES] for head in heads]
        values = np.array(scores, float)
        axes.imshow(values, cmap=MAP, vmin=FAINTEST, vmax=1, aspect="auto")
        annotate(axes, values, dark=values > 0.87, shown=np.isfinite(values), text="{:.3f}")
        name_axes(axes, labels, SEVERITIES, turned=False)
        axes.set_xlabel("severity")
        axes.set_title(f"AUROC {title}", color=INK)
    return to_png(figure)


def draw_reliability(bins: Sequence[Bin]) -> bytes:
    """Draw predicted probability against observed frequency, all heads together, and the decisions in each bin."""
    figure = new_figure(5.4, 6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    confidence = [each.confidence for each in bins]
    upper.plot((0, 1), (0, 1), color=MUTED, linewidth=1, linestyle="--", label="perfectly calibrated")
    upper.plot(
        confidence, [each.frequency for each in bins], color="#2563eb", linewidth=2, marker="o", label="all heads"
    )
    upper.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="share in which it is present")
    upper.set_title("Reliability: clean pictures and single distortions", color=INK)
    upper.legend(frameon=False)
    lower.bar(confidence, [each.n for each in bins], width=0.04, color="#2563eb")
    lower.set(yscale="log", xlabel="probability", ylabel="decisions")
    lower.set_ylim(bottom=0.7)
    for axes in (upper, lower):
        draw_grid(axes)
    return to_png(figure)
