"""The report's plots, as PNG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from distortion_heads.evaluation.figures import CLEAN
from distortion_heads.evaluation.summary import Result, Row, Spread
from distortion_heads.reports.drawing import INK, MAP, annotate, draw_grid, name_axes, new_figure, to_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = ("#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#475569", "#0891b2", "#854d0e")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""One less than there are colours, so that no two of many methods look alike."""

SHOWN = {"exact": "all labels right", "macro_f1": "macro F1"}
OTHER = "another set"
LEGEND_COLUMNS = 5
MOST_NAMED = 30
"""Labels up to which the cells of a confusion matrix carry numbers."""


def draw_plots(result: Result) -> dict[str, bytes]:
    """Return PNG by file name: thresholds, confusion per method, and where there are several, shares and protocols."""
    plots = {}
    for protocol in result.protocols:
        plots[f"thresholds-{protocol}.png"] = draw_thresholds(result.at(protocol), protocol)
        for row in result.at(protocol):
            plots[row.confusion_plot] = draw_confusion(row, result.labels)
            if result.dataset.multiple:
                plots[row.combinations_plot] = draw_combinations(row)
        if len(result.shares) > 1:
            plots[f"shares-{protocol}.png"] = draw_shares(result, protocol)
    if len(result.protocols) > 1:
        plots["leak.png"] = draw_leak(result)
    return plots


def draw_thresholds(rows: Sequence[Row], protocol: str) -> bytes:
    """Draw exact match and macro F1 by a threshold that all heads share (Ameur et al. 2022, Fig. 6)."""

    def draw(axes: Axes, figure: str, row: Row, style: dict[str, str]) -> None:
        points = [(float(value), figures[figure]) for value, figures in row.thresholds.items()]
        known = [(x, y) for x, y in points if y is not None]
        axes.plot([x for x, _ in known], [y for _, y in known], label=row.method, **style)  # type: ignore[arg-type]

    return _panels(rows, draw, f"One threshold for all heads, {protocol}", "threshold")


def draw_shares(result: Result, protocol: str) -> bytes:
    """Draw exact match and macro F1 by the training share (Ameur et al. 2022, Fig. 8); bars: least to most."""

    def draw(axes: Axes, figure: str, row: Row, style: dict[str, str]) -> None:
        rows = [each for each in result.rows if (each.method, each.protocol) == (row.method, protocol)]
        pairs = [(each.share, spread) for each in rows if (spread := each.figures[figure]) is not None]
        _spread_line(axes, [100 * share for share, _ in pairs], [spread for _, spread in pairs], row.method, style)

    title = f"Training share, {protocol}; the same fifth tests"
    return _panels(result.at(protocol), draw, title, "percent of the records trained on")


def draw_leak(result: Result) -> bytes:
    """Draw exact match and macro F1 by protocol, one line per method; bars: least to most of the repetitions."""
    protocols, methods = result.protocols, result.methods

    def draw(axes: Axes, figure: str, row: Row, style: dict[str, str]) -> None:
        aside = 0.06 * (methods.index(row.method) - (len(methods) - 1) / 2)  # or bars would cover each other
        pairs = [
            (place + aside, spread)
            for place, protocol in enumerate(protocols)
            for each in result.at(protocol)
            if each.method == row.method and (spread := each.figures[figure]) is not None
        ]
        _spread_line(axes, [place for place, _ in pairs], [spread for _, spread in pairs], row.method, style)
        axes.set_xticks(range(len(protocols)), protocols)
        axes.set_xlim(-0.4, len(protocols) - 0.6)

    return _panels(result.at(protocols[0]), draw, "What sharing scenes with the test part seems to gain", "protocol")


def draw_confusion(row: Row, labels: Sequence[str]) -> bytes:
    """Draw the percentage of each distortion (rows) by the most probable head that fires (columns); clean is last."""
    counts = np.asarray(row.confusion, float)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = (*labels, CLEAN)
    return _matrix(row, percent, names, names, "most probable head that fires")


def draw_combinations(row: Row) -> bytes:
    """Draw the percentage of each set of labels (rows) by the answer (columns) (Ameur et al. 2022, Fig. 9).

    Answers that are the labels of no record are one column, the last.
    """
    there = list(row.combinations)
    counts = np.array(
        [[found.get(name, 0) for name in there] + [sum(found.values())] for found in row.combinations.values()], float
    )
    total = counts[:, -1:].copy()
    counts[:, -1] -= counts[:, :-1].sum(axis=1)
    return _matrix(row, 100 * counts / total, there, [*there, OTHER], "labels of the heads that fire")


def _matrix(row: Row, percent: NDArray[np.float64], there: Sequence[str], found: Sequence[str], x: str) -> bytes:
    """Draw a confusion matrix, of which the rows are named `there` and the columns `found`."""
    long = 0.07 * max(0, max(map(len, found)) - 20)  # room for the names of sets
    figure = new_figure(3.4 + 0.42 * len(found) + long, 2.6 + 0.42 * len(there) + long)
    axes = figure.add_subplot()
    axes.imshow(percent, cmap=MAP, vmin=0, vmax=100)
    if len(found) <= MOST_NAMED:
        annotate(axes, percent, dark=percent > 55, shown=percent >= 0.05, text="{:.1f}")
    name_axes(axes, there, found)
    axes.set(xlabel=x, ylabel="what is there")
    axes.set_title(f"{row.method}\n{row.protocol}, percent", color=INK, fontsize=10)
    return to_png(figure)


def _panels(rows: Sequence[Row], draw: Callable[[Axes, str, Row, dict[str, str]], None], title: str, x: str) -> bytes:
    """Return two panels, exact match and macro F1, in each of which `draw` draws every method."""
    lines = -(-len(rows) // LEGEND_COLUMNS)
    figure = new_figure(9.6, 4.0 + 0.25 * lines)
    figure.suptitle(title, color=INK, fontsize=11)
    for axes, (name, label) in zip(figure.subplots(1, 2), SHOWN.items(), strict=True):
        for row, color, marker in zip(rows, cycle(COLORS), cycle(MARKERS)):
            draw(axes, name, row, {"color": color, "marker": marker})
        axes.set(xlabel=x, ylabel=label)
        draw_grid(axes)
        axes.margins(y=0.08)
        axes.set_ylim(top=min(axes.get_ylim()[1], 1.02))
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=LEGEND_COLUMNS, frameon=False, fontsize=8)
    return to_png(figure)


def _spread_line(axes: Axes, x: Sequence[float], spreads: Sequence[Spread], label: str, style: dict[str, str]) -> None:
    middle = [spread.median for spread in spreads]
    below = [spread.median - spread.low for spread in spreads]
    above = [spread.high - spread.median for spread in spreads]
    axes.errorbar(x, middle, yerr=(below, above), label=label, capsize=3, linewidth=1.6, **style)  # type: ignore[arg-type]
