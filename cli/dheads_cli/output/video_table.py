"""The table of a video on a terminal: a row per head with its curve over time as a sparkline, and its segments."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from dheads_cli.output.console import printable, rendered
from dheads_cli.output.pictures import complain_about
from dheads_cli.output.table import CLEAN_STYLE, GAP, TableSink
from dheads_cli.output.videos import event_text, shown_video_heads
from distortion_heads.io.video.sampling import time_text
from distortion_heads.video.answers import Event, FrameResult, VideoHead, VideoPrediction

LEAST_SPARK, MOST_SPARK = 12, 60
SEGMENTS_COLUMN = 17
MOST_SEGMENTS = 4
BLOCKS, ASCII_BLOCKS = " ▁▂▃▄▅▆▇█", " .:-=+*%#"


class VideoTableSink(TableSink):
    """Pictures as ever; each video is a block of its own."""

    _noun = "inputs"

    def frame(self, path: str, result: FrameResult) -> None:
        pass

    def event(self, path: str, event: Event) -> None:
        style = "red" if event.kind == "onset" else "dim"
        self._stream.write(rendered(self._console, Text(event_text(event, 0), style)))

    def video(self, path: str, prediction: VideoPrediction) -> None:
        shown = shown_video_heads(prediction, self._show_all)
        self._counts["distorted" if prediction.present or shown else "clean"] += 1
        title = Text.assemble((printable(path), "bold"), (f"  {self._facts(prediction)}", "dim"))
        body: Text | Table = self._heads(prediction, shown) if shown else Text("  clean", CLEAN_STYLE)
        block = [title, body] if self._counted == 1 else [Text(), title, body]
        self._stream.write(rendered(self._console, *block))
        if prediction.error is not None:
            complain_about(path, prediction.error)

    @property
    def _counted(self) -> int:
        return sum(self._counts.values())

    def _facts(self, prediction: VideoPrediction) -> str:
        span = f"{time_text(prediction.start)} to {time_text(prediction.end)}"
        dropped = f", {prediction.dropped} dropped" if prediction.dropped else ""
        return f"{prediction.width} x {prediction.height}, {span}, {prediction.frames} frames{dropped}"

    def _heads(self, prediction: VideoPrediction, shown: tuple[VideoHead, ...]) -> Table:
        label = max(10, *(len(head.label) for head in shown))
        fixed = 2 + label + 4 + 5 + 8 + SEGMENTS_COLUMN + 6 * GAP
        spark = min(max(self._console.width - fixed, LEAST_SPARK), MOST_SPARK)
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
            table.add_row(*self._row(head, prediction.curves.values[rows[head.label]], spark))
        return table

    def _row(self, head: VideoHead, values: NDArray[np.float32], spark: int) -> tuple[Text, ...]:
        plain = "" if head.present else "dim"
        severity = "" if head.severity is None or not (head.present or head.segments) else f"{head.severity:.1f}"
        blocks = ASCII_BLOCKS if self._console.options.ascii_only else BLOCKS
        return (
            Text(f"  {head.label}", "bold" if head.present else ""),
            Text(f"{head.probability:.2f}", plain),
            Text(f"{head.share:5.0%}", plain),
            Text(severity, plain),
            sparkline(values, head.threshold, spark, blocks),
            Text(self._segments(head)),
        )

    def _segments(self, head: VideoHead) -> str:
        dash = "-" if self._console.options.ascii_only else "–"
        spans = [f"{time_text(s.onset)}{dash}{time_text(s.offset)}" for s in head.segments]
        more = [f"and {len(spans) - MOST_SEGMENTS} more"] if len(spans) > MOST_SEGMENTS else []
        return "\n".join([*spans[:MOST_SEGMENTS], *more])


def sparkline(values: NDArray[np.float32], threshold: float, width: int, blocks: str = BLOCKS) -> Text:
    """`values` in [0, 1] as `width` cells, the highest of each cell; those at or above `threshold` are coloured."""
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
