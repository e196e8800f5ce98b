"""The part of the table that shows a video: a row per head with its curve as a sparkline, and its segments."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dheads_cli.output.table import GAP
from distortion_heads.io.video.sampling import time_text
from distortion_heads.video.answers import VideoHead, VideoPrediction

LEAST_SPARK, MOST_SPARK = 12, 60
SEGMENTS_COLUMN = 17
MOST_SEGMENTS = 4
BLOCKS, ASCII_BLOCKS = " ▁▂▃▄▅▆▇█", " .:-=+*%#"


def facts(prediction: VideoPrediction) -> str:
    """Return size, span and number of frames."""
    span = f"{time_text(prediction.start)} to {time_text(prediction.end)}"
    dropped = f", {prediction.dropped} dropped" if prediction.dropped else ""
    return f"{prediction.width} x {prediction.height}, {span}, {prediction.frames} frames{dropped}"


def video_table(prediction: VideoPrediction, shown: tuple[VideoHead, ...], console: Console) -> Table:
    """Return a row for each of `shown`."""
    label = max(10, *(len(head.label) for head in shown))
    fixed = 2 + label + 4 + 5 + 8 + SEGMENTS_COLUMN + 6 * GAP
    spark = min(max(console.width - fixed, LEAST_SPARK), MOST_SPARK)
    table = Table.grid(padding=(0, GAP, 0, 0))
    for name, width in (
        ("  Distortion", 2 + label),
        ("Mean", 4),
        ("Share", 5),
        ("Severity", 8),
        ("Timeline", spark),
        ("Segments", SEGMENTS_COLUMN),
    ):
        table.add_column(name, width=width, no_wrap=name != "Segments", overflow="ellipsis")
    table.add_row(*(Text(str(column.header), "dim") for column in table.columns))
    rows = {head.label: row for row, head in enumerate(prediction.heads)}
    for head in shown:
        values = prediction.curves.values[rows[head.label]]
        table.add_row(*_row(head, values, spark, console.options.ascii_only))
    return table


def _row(head: VideoHead, values: NDArray[np.float32], spark: int, ascii_only: bool) -> tuple[Text, ...]:
    plain = "" if head.present else "dim"
    severity = "" if head.severity is None or not (head.present or head.segments) else f"{head.severity:.1f}"
    blocks = ASCII_BLOCKS if ascii_only else BLOCKS
    return (
        Text(f"  {head.label}", "bold" if head.present else ""),
        Text(f"{head.probability:.2f}", plain),
        Text(f"{head.share:5.0%}", plain),
        Text(severity, plain),
        sparkline(values, head.threshold, spark, blocks),
        Text(_segments(head, ascii_only)),
    )


def _segments(head: VideoHead, ascii_only: bool) -> str:
    dash = "-" if ascii_only else "–"
    spans = [f"{time_text(s.onset)}{dash}{time_text(s.offset)}" for s in head.segments]
    more = [f"and {len(spans) - MOST_SEGMENTS} more"] if len(spans) > MOST_SEGMENTS else []
    return "\n".join([*spans[:MOST_SEGMENTS], *more])


def sparkline(values: NDArray[np.float32], threshold: float, width: int, blocks: str = BLOCKS) -> Text:
    """Return the highest of `values` in [0, 1] in each of `width` cells; those at or above `threshold` are coloured."""
    text = Text()
    edges = np.linspace(0, len(values), width + 1)
    for left, right in pairwise(edges):
        part = values[int(left) : max(int(np.ceil(right)), int(left) + 1)]
        part = part[~np.isnan(part)]
        if part.size == 0:
            text.append(" ")
            continue
        value = float(part.max())
        text.append(
            blocks[min(round(value * (len(blocks) - 1)), len(blocks) - 1)], "red" if value >= threshold else "dim"
        )
    return text
