"""The part of the table that shows a video: a row per family with its curve as a sparkline, and its segments."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dheads_cli.output.sinks import shown_name
from dheads_cli.output.table import GAP
from distortion_heads.io.video.sampling import time_text
from distortion_heads.reports.pictures import kinds_text
from distortion_heads.video.answers import FamilySegment, Segment, VideoFamily, VideoHead, VideoPrediction

LEAST_SPARK, MOST_SPARK = 12, 60
SEGMENTS_COLUMN, WITH_KINDS, WIDE = 17, 44, 120
"""Width of the segments' column, and that with kinds, on a console `WIDE` or wider."""

MOST_SEGMENTS = 4
BLOCKS, ASCII_BLOCKS = " ▁▂▃▄▅▆▇█", " .:-=+*%#"


def facts(prediction: VideoPrediction) -> str:
    """Return size, span and number of frames."""
    span = f"{time_text(prediction.start)} to {time_text(prediction.end)}"
    dropped = f", {prediction.dropped} dropped" if prediction.dropped else ""
    return f"{prediction.width} x {prediction.height}, {span}, {prediction.frames} frames{dropped}"


def video_table(prediction: VideoPrediction, answers: tuple[VideoFamily | VideoHead, ...], console: Console) -> Table:
    """Return a row for each of `answers`; under a family what kinds it is of."""
    label = max(10, *(len(line) for answer in answers for line in _name(answer).split("\n")))
    segments = WITH_KINDS if console.width >= WIDE else SEGMENTS_COLUMN
    fixed = 2 + label + 4 + 5 + 8 + segments + 6 * GAP
    spark = min(max(console.width - fixed, LEAST_SPARK), MOST_SPARK)
    table = Table.grid(padding=(0, GAP, 0, 0))
    for name, width in (
        ("  Distortion", 2 + label),
        ("Mean", 4),
        ("Share", 5),
        ("Severity", 8),
        ("Timeline", spark),
        ("Segments", segments),
    ):
        table.add_column(name, width=width, no_wrap=name != "Segments", overflow="ellipsis")
    table.add_row(*(Text(str(column.header), "dim") for column in table.columns))
    rows = {head.label: row for row, head in enumerate(prediction.heads)}
    for answer in answers:
        values = prediction.curves.values[rows[answer.label]]
        told = segments_text(answer.segments, console.options.ascii_only, with_kinds=segments == WITH_KINDS)
        table.add_row(*_row(answer, values, spark, console.options.ascii_only), Text(told))
    return table


def video_qualities(prediction: VideoPrediction, console: Console) -> list[Text]:
    """Return a line for each head of quality: its mean, its curve, and its worst second."""
    blocks = ASCII_BLOCKS if console.options.ascii_only else BLOCKS
    width = min(max(console.width - 56, LEAST_SPARK), MOST_SPARK)
    lines = []
    for quality in prediction.qualities:
        curve = (quality.curve - np.float32(quality.low)) / np.float32(quality.high - quality.low)
        told = f"  worst {quality.worst:.1f} at {time_text(quality.worst_time)}"
        spark = sparkline(curve, np.inf, width, blocks, lowest=True)
        lines.append(Text.assemble((f"  {quality.label} {quality.value:.1f}", "bold"), "  ", spark, told))
    return lines


def _name(answer: VideoFamily | VideoHead) -> str:
    """Return the name, and under that of a family its most probable kind."""
    kinds = kinds_text(answer.kinds, most=1) if isinstance(answer, VideoFamily) and _tells(answer) else ""
    return "\n".join(filter(None, (shown_name(answer), kinds and f"  {kinds}")))


def _tells(answer: VideoFamily | VideoHead) -> bool:
    return answer.present or bool(answer.segments)


def _row(head: VideoFamily | VideoHead, values: NDArray[np.float32], spark: int, ascii_only: bool) -> tuple[Text, ...]:
    plain = "" if head.present else "dim"
    severity = "" if head.severity is None or not _tells(head) else f"{head.severity:.1f}"
    blocks = ASCII_BLOCKS if ascii_only else BLOCKS
    name, *kinds = _name(head).split("\n")
    return (
        Text.assemble(
            (f"  {name}", "bold" if head.present and isinstance(head, VideoFamily) else ""),
            *((f"\n  {kind}", "dim") for kind in kinds),
        ),
        Text(f"{head.probability:.2f}", plain),
        Text(f"{head.share:5.0%}", plain),
        Text(severity, plain),
        sparkline(values, head.threshold, spark, blocks),
    )


def segments_text(segments: Sequence[Segment], ascii_only: bool, *, with_kinds: bool) -> str:
    """Return a line per segment, `0:05.0–0:09.3  white noise 85 %`, and how many are left out."""
    dash = "-" if ascii_only else "–"
    spans = []
    for segment in segments:
        kinds = kinds_text(segment.kinds, most=1) if with_kinds and isinstance(segment, FamilySegment) else ""
        span = f"{time_text(segment.onset)}{dash}{time_text(segment.offset)}"
        spans.append("  ".join(filter(None, (span, kinds))))
    more = [f"and {len(spans) - MOST_SEGMENTS} more"] if len(spans) > MOST_SEGMENTS else []
    return "\n".join([*spans[:MOST_SEGMENTS], *more])


def sparkline(
    values: NDArray[np.float32], threshold: float, width: int, blocks: str = BLOCKS, *, lowest: bool = False
) -> Text:
    """Return the highest of `values` in [0, 1] in each of `width` cells; those at or above `threshold` are coloured.

    The `lowest` where high is good.
    """
    text = Text()
    edges = np.linspace(0, len(values), width + 1)
    for left, right in pairwise(edges):
        part = values[int(left) : max(int(np.ceil(right)), int(left) + 1)]
        part = part[~np.isnan(part)]
        if part.size == 0:
            text.append(" ")
            continue
        value = float(part.min() if lowest else part.max())
        text.append(
            blocks[min(round(value * (len(blocks) - 1)), len(blocks) - 1)], "red" if value >= threshold else "dim"
        )
    return text
