"""The report's plots, as PNG. Matplotlib is used without pyplot, hence without a display and without global state."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from distortion_heads.training.bench.figures import HeadFigures
from distortion_heads.training.bench.report import Bin, Confusion, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 110
MAP = "Blues"
INK, MUTED = "#1f2937", "#6b7280"
FAINTEST = 0.7
"""AUROC that is drawn white, as are those below."""

SEVERITIES = ("1", "2", "3", "4", "5")


def draw_plots(report: Report) -> dict[str, bytes]:
    """File name -> PNG. There is a confusion matrix only if there are two types to confuse."""
    plots = {"auroc.png": draw_auroc(report.figures.heads), "reliability.png": draw_reliability(report.reliability)}
    if len(report.confusion.labels) > 1:
        plots["confusion.png"] = draw_confusion(report.confusion)
    return plots


def draw_confusion(confusion: Confusion) -> bytes:
    """Percent of each true type (rows) by most probable head (columns)."""
    counts = np.asarray(confusion.counts, float)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 2.4 + 0.36 * len(percent)
    figure = _figure(size + 0.6, size)
    axes = figure.add_subplot()
    axes.imshow(percent, cmap=MAP, vmin=0, vmax=100)
    _annotate(axes, percent, dark=percent > 55, shown=percent >= 0.5, text="{:.0f}")
    _name_axes(axes, confusion.labels, confusion.labels)
    axes.set_xlabel("most probable head")
    axes.set_ylabel("distortion")
    axes.set_title("Percent of each distortion, severities 2-5", color=INK)
    return _png(figure)


def draw_auroc(heads: Sequence[HeadFigures]) -> bytes:
    """AUROC of each head (rows) by severity (columns): against clean pictures, against other distortions."""
    labels = [head.label for head in heads]
    figure = _figure(8.6, 1.7 + 0.28 * len(labels))
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, name, title in ((left, "auroc_clean", "against clean"), (right, "auroc_others", "against others")):
        scores = [[getattr(head.detection[level], name) for level in SEVERITIES] for head in heads]
        values = np.array(scores, float)
        axes.imshow(values, cmap=MAP, vmin=FAINTEST, vmax=1, aspect="auto")
        _annotate(axes, values, dark=values > 0.87, shown=np.isfinite(values), text="{:.3f}")
        _name_axes(axes, labels, SEVERITIES, turned=False)
        axes.set_xlabel("severity")
        axes.set_title(f"AUROC {title}", color=INK)
    return _png(figure)


def draw_reliability(bins: Sequence[Bin]) -> bytes:
    """Said probability against observed frequency, all heads together; below, how many decisions each bin holds."""
    figure = _figure(5.4, 6)
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
        axes.grid(color="#e5e7eb", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def _annotate(
    axes: Axes, values: NDArray[np.float64], *, dark: NDArray[np.bool_], shown: NDArray[np.bool_], text: str
) -> None:
    for row, column in zip(*np.nonzero(shown), strict=True):
        color = "white" if dark[row, column] else INK
        axes.text(column, row, text.format(values[row, column]), ha="center", va="center", fontsize=7, color=color)


def _name_axes(axes: Axes, rows: Sequence[str], columns: Sequence[str], *, turned: bool = True) -> None:
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.set_xticks(range(len(columns)), columns, fontsize=8, rotation=90 if turned else 0)
    axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _png(figure: Figure) -> bytes:
    stream = BytesIO()
    # No software version in the file: the same figures give the same bytes.
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
