"""Pieces of the reports' plots. Matplotlib is used without pyplot, hence without a display and global state."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 110
MAP = "Blues"
INK, MUTED, GRID = "#1f2937", "#6b7280", "#e5e7eb"


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure; sides in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def to_png(figure: Figure) -> bytes:
    """Return the figure as PNG."""
    stream = BytesIO()
    # No software version in the file: the same figures give the same bytes.
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def annotate(
    axes: Axes, values: NDArray[np.float64], *, dark: NDArray[np.bool_], shown: NDArray[np.bool_], text: str
) -> None:
    """Write `text.format(value)` into the cells of a map (rows, columns) where `shown`; in white where `dark`."""
    for row, column in zip(*np.nonzero(shown), strict=True):
        color = "white" if dark[row, column] else INK
        axes.text(column, row, text.format(values[row, column]), ha="center", va="center", fontsize=7, color=color)


def name_axes(axes: Axes, rows: Sequence[str], columns: Sequence[str], *, turned: bool = True) -> None:
    """Name the rows and columns of a map, with white lines between its cells; `turned`: columns' names go upwards."""
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.set_xticks(range(len(columns)), columns, fontsize=8, rotation=90 if turned else 0)
    axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def draw_grid(axes: Axes) -> None:
    """Draw faint lines behind the curves, and a frame on the left and below only."""
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
