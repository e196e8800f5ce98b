"""The table of `predict` on a terminal: columns are fixed beforehand, and each picture appears when it is done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from dheads_cli.output.console import ResultStream, printable, rendered, rich_console
from dheads_cli.output.sinks import Sink, event_text, shown_heads, shown_video_heads
from distortion_heads.spec import MAX_SEVERITY

if TYPE_CHECKING:
    from rich.console import RenderableType

    from distortion_heads.answers import HeadResult, Prediction
    from distortion_heads.video.answers import Event, VideoPrediction

BAR_CELLS, GAP = 10, 2
WIDE, NARROW = ("Probability", BAR_CELLS + 5, 9), ("Prob.", 5, 8)
"""Heading and width of the probability, width of the severity; a narrow terminal has numbers alone."""

MIN_PATH, SHORTEST_PATH = 16, 8
CLEAN_STYLE = "green"


class TableSink(Sink):
    """Rows of path, distortion, probability as a bar, severity as dots; errors on stderr; a summary at the end."""

    def __init__(
        self, stream: ResultStream, labels: Sequence[str], paths: Sequence[str], show_all: bool, *, noun: str
    ) -> None:
        self._stream, self._show_all, self._noun = stream, show_all, noun
        self._console = rich_console()
        self._glyphs = Glyphs(ascii_only=self._console.options.ascii_only)
        label = max(10, *map(len, labels))
        self._form = WIDE if self._console.width >= MIN_PATH + label + sum(WIDE[1:]) + 3 * GAP else NARROW
        free = self._console.width - label - sum(self._form[1:]) - 3 * GAP
        longest = max((cell_len(printable(path)) for path in paths), default=0)
        self._widths = (max(min(longest, free), SHORTEST_PATH), label, *self._form[1:])
        self._counts = {"clean": 0, "distorted": 0, "failed": 0}
        self._started = time.perf_counter()
        self._has_header = False

    def prediction(self, prediction: Prediction) -> None:
        self._counts["distorted" if prediction.present else "clean"] += 1
        table = self._grid()
        path = self._path(prediction.path or "-")
        shown = shown_heads(prediction, self._show_all)
        for i, head in enumerate(shown):
            table.add_row(path if i == 0 else "", *self._cells(head))
        if not shown:
            table.add_row(path, Text("clean", CLEAN_STYLE), "", "")
        self._write_header()
        self._write(table)

    def event(self, path: str, event: Event) -> None:
        self._write(Text(event_text(event, 0), "red" if event.kind == "onset" else "dim"))

    def video(self, path: str, prediction: VideoPrediction) -> None:
        from dheads_cli.output.video_table import facts, video_table

        shown = shown_video_heads(prediction, self._show_all)
        self._counts["distorted" if prediction.present or shown else "clean"] += 1
        title = Text.assemble((printable(path), "bold"), (f"  {facts(prediction)}", "dim"))
        body = video_table(prediction, shown, self._console) if shown else Text("  clean", CLEAN_STYLE)
        self._write(*([] if sum(self._counts.values()) == 1 else [Text()]), title, body)
        if prediction.error is not None:
            super().error(path, prediction.error)

    def error(self, path: str, reason: str) -> None:
        self._counts["failed"] += 1
        super().error(path, reason)

    def close(self) -> None:
        """Write how many inputs are clean, distorted and failed, if there are several."""
        total = sum(self._counts.values())
        if total > 1:
            seconds = time.perf_counter() - self._started
            counts = ", ".join(f"{count} {name}" for name, count in self._counts.items() if count)
            self._write(Text(f"\n{total} {self._noun}: {counts} ({seconds:.1f} s)", "dim"))

    def _write(self, *parts: RenderableType) -> None:
        self._stream.write(rendered(self._console, *parts))

    def _write_header(self) -> None:
        if self._has_header:
            return
        self._has_header = True
        table = self._grid()
        table.add_row(*(Text(name, "bold") for name in ("Picture", "Distortion", self._form[0], "Severity")))
        rule = Text(self._glyphs.rule * min(sum(self._widths) + 3 * GAP, self._console.width), "dim")
        self._write(table, rule)

    def _grid(self) -> Table:
        table = Table.grid(padding=(0, GAP, 0, 0))
        for width in self._widths:
            table.add_column(width=width, no_wrap=True, overflow="ellipsis")
        return table

    def _path(self, path: str) -> Text:
        text = shortened(printable(path), self._widths[0], self._glyphs.ellipsis)
        folder, slash, name = text.rpartition("/")
        return Text.assemble((folder + slash, "dim"), name)

    def _cells(self, head: HeadResult) -> tuple[Text, Text, Text]:
        graphic = self._form is WIDE
        style = severity_style(head) if head.present else "dim"
        plain = "" if head.present else "dim"
        bar = f"{self._glyphs.bar(head.probability)} " if graphic else ""
        probability = Text.assemble((bar, style), (f"{head.probability:.2f}", plain))
        severity = Text()
        if head.present and head.severity is not None:
            dots = f"{self._glyphs.dots(head.severity)} " if graphic else ""
            severity = Text.assemble((dots, style), (f"{head.severity:.1f}", "" if graphic else style))
        return Text(head.label, plain), probability, severity


class Glyphs:
    """Bars and dots, in ASCII where the terminal shows no more."""

    def __init__(self, *, ascii_only: bool) -> None:
        self.rule, self.ellipsis = ("-", "...") if ascii_only else ("─", "…")
        self._eighths = (" ", "#") if ascii_only else (" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█")
        self._dots = ("o", ".") if ascii_only else ("●", "○")

    def bar(self, share: float) -> str:
        """Return `share` in [0, 1] as a bar of `BAR_CELLS` cells."""
        steps = len(self._eighths) - 1
        filled = round(share * BAR_CELLS * steps)
        whole, part = divmod(filled, steps)
        return (self._eighths[-1] * whole + (self._eighths[part] if part else "")).ljust(BAR_CELLS)

    def dots(self, severity: float) -> str:
        """Return a severity in [1, 5] as five dots."""
        full = round(severity)
        return self._dots[0] * full + self._dots[1] * (round(MAX_SEVERITY) - full)


def shortened(path: str, width: int, ellipsis: str) -> str:
    """Return the end of `path`, where pictures differ, in at most `width` cells."""
    if cell_len(path) <= width:
        return path
    while path and cell_len(ellipsis + path) > width:
        path = path[1:]
    return ellipsis + path


def severity_style(head: HeadResult) -> str:
    """Return the colour of a distortion: the stronger, the warmer."""
    if head.severity is None or head.severity < 2.5:
        return "yellow"
    return "dark_orange" if head.severity < 3.5 else "red"
