"""The table of `predict` on a terminal: columns are fixed beforehand, and each picture appears when it is done."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from dheads_cli._console import ResultStream, printable, rendered, rich_console
from dheads_cli._reports import complain_about, shown_heads
from distortion_heads.spec import MAX_SEVERITY, HeadResult, Prediction

BAR_CELLS = 10
SEVERITY_CELLS = 9
MIN_PATH, GAP = 12, 2
CLEAN_STYLE = "green"


class TableSink:
    """Rows of path, distortion, probability as a bar, severity as dots; errors on stderr; a summary at the end."""

    def __init__(self, stream: ResultStream, labels: Sequence[str], paths: Sequence[str], show_all: bool) -> None:
        self._stream, self._show_all = stream, show_all
        self._console = rich_console()
        self._glyphs = Glyphs(ascii_only=self._console.options.ascii_only)
        self._widths = column_widths(self._console.width, labels, paths, self._glyphs.bar_cells)
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
        self._stream.write(rendered(self._console, table))

    def error(self, path: str, reason: str) -> None:
        self._counts["failed"] += 1
        complain_about(path, reason)

    def close(self) -> None:
        """Count, where there is something to count."""
        total = sum(self._counts.values())
        if total > 1:
            seconds = time.perf_counter() - self._started
            counts = ", ".join(f"{count} {name}" for name, count in self._counts.items() if count)
            self._stream.write(rendered(self._console, Text(f"\n{total} pictures: {counts} ({seconds:.1f} s)", "dim")))

    def _write_header(self) -> None:
        if self._has_header:
            return
        self._has_header = True
        table = self._grid()
        table.add_row(*(Text(name, "bold") for name in ("Picture", "Distortion", "Probability", "Severity")))
        rule = Text(self._glyphs.rule * min(sum(self._widths) + 3 * GAP, self._console.width), "dim")
        self._stream.write(rendered(self._console, table, rule))

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
        style = severity_style(head) if head.present else "dim"
        probability = Text(f"{head.probability:.2f}")
        if self._widths[2] > BAR_CELLS:
            probability = Text.assemble((self._glyphs.bar(head.probability), style), " ", f"{head.probability:.2f}")
        severity = Text()
        if head.present and head.severity is not None:
            severity = Text.assemble((self._glyphs.dots(head.severity), style), f" {head.severity:.1f}")
        if not head.present:
            probability.stylize("dim")
        return Text(head.label, "" if head.present else "dim"), probability, severity


class Glyphs:
    """Bars and dots, in ASCII where the terminal shows no more."""

    def __init__(self, *, ascii_only: bool) -> None:
        self.bar_cells = BAR_CELLS
        self.rule, self.ellipsis = ("-", "...") if ascii_only else ("─", "…")
        self._eighths = (" ", "#") if ascii_only else (" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█")
        self._dots = ("o", ".") if ascii_only else ("●", "○")

    def bar(self, share: float) -> str:
        """`share` in [0, 1] as a bar of `BAR_CELLS` cells."""
        steps = len(self._eighths) - 1
        filled = round(share * BAR_CELLS * steps)
        whole, part = divmod(filled, steps)
        return (self._eighths[-1] * whole + (self._eighths[part] if part else "")).ljust(BAR_CELLS)

    def dots(self, severity: float) -> str:
        """Severity in [1, 5] as five dots."""
        full = round(severity)
        return self._dots[0] * full + self._dots[1] * (round(MAX_SEVERITY) - full)


def column_widths(width: int, labels: Sequence[str], paths: Sequence[str], bar: int) -> list[int]:
    """Widths of path, distortion, probability and severity; a narrow terminal has no bars."""
    label = max(10, *(len(label) for label in labels))
    probability = bar + 5
    if width < MIN_PATH + label + probability + SEVERITY_CELLS + 3 * GAP:
        probability = 11
    free = width - label - probability - SEVERITY_CELLS - 3 * GAP
    longest = max((cell_len(printable(path)) for path in paths), default=0)
    return [max(min(longest, free), MIN_PATH), label, probability, SEVERITY_CELLS]


def shortened(path: str, width: int, ellipsis: str) -> str:
    """The end of `path`, which tells pictures apart, in at most `width` cells."""
    if cell_len(path) <= width:
        return path
    while path and cell_len(ellipsis + path) > width:
        path = path[1:]
    return ellipsis + path


def severity_style(head: HeadResult) -> str:
    """The colour of a distortion: the stronger, the warmer."""
    if head.severity is None or head.severity < 2.5:
        return "yellow"
    return "dark_orange" if head.severity < 3.5 else "red"
