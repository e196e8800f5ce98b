"""The table of `predict` on a terminal: columns are fixed beforehand, and each picture appears when it is done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from dheads_cli.output.console import ResultStream, printable, rendered, rich_console
from dheads_cli.output.sinks import Names, Sink, event_text, not_judged, shown, shown_in_video, shown_name
from distortion_heads.answers import FamilyResult
from distortion_heads.reports.pictures import kinds_text
from distortion_heads.spec import MAX_SEVERITY

if TYPE_CHECKING:
    from rich.console import RenderableType

    from distortion_heads.answers import HeadResult, Prediction, QualityResult
    from distortion_heads.video.answers import Event, VideoPrediction

BAR_CELLS, GAP = 10, 2
MIN_PATH, SHORTEST_PATH = 16, 8
MOST_KIND = 48
CLEAN_STYLE = "green"


@dataclass(frozen=True, kw_only=True)
class Form:
    """How much of an answer fits: widths of the columns, and whether there are bars and dots beside the numbers."""

    heading: str
    probability: int
    severity: int
    kind: int
    bar: bool
    dots: bool

    def fixed(self, label: int) -> int:
        """Return the cells of all columns but the picture's, and of the gaps."""
        return label + self.probability + self.severity + self.kind + (4 if self.kind else 3) * GAP


FORMS = (
    Form(heading="Probability", probability=BAR_CELLS + 5, severity=9, kind=26, bar=True, dots=True),
    Form(heading="Prob.", probability=5, severity=9, kind=24, bar=False, dots=True),
    Form(heading="Prob.", probability=5, severity=8, kind=16, bar=False, dots=False),
    Form(heading="Prob.", probability=5, severity=8, kind=0, bar=False, dots=False),
)
"""From wide terminals to narrow ones."""


class TableSink(Sink):
    """Rows of path, family, probability as a bar, severity as dots, kinds; errors on stderr; a summary at the end."""

    def __init__(self, stream: ResultStream, names: Names, paths: Sequence[str], show_all: bool, *, noun: str) -> None:
        self._stream, self._names, self._show_all, self._noun = stream, names, show_all, noun
        self._console = rich_console()
        self._glyphs = Glyphs(ascii_only=self._console.options.ascii_only)
        longest_quality = max((len(quality_text(name, 0.0)) for name in names.qualities), default=0)
        label, width = max(10, names.width(show_all), longest_quality), self._console.width
        self._form = next((form for form in FORMS if width >= MIN_PATH + form.fixed(label)), FORMS[-1])
        free = width - self._form.fixed(label)
        longest = max((cell_len(printable(path)) for path in paths), default=0)
        path = max(min(longest, free), SHORTEST_PATH)
        kind = min(self._form.kind + free - path, MOST_KIND) if self._form.kind else 0
        self._widths = (path, label, self._form.probability, self._form.severity, *([kind] if kind else []))
        self._counts = {"clean": 0, "distorted": 0, "not judged": 0, "failed": 0}
        self._started = time.perf_counter()
        self._has_header = False

    def prediction(self, prediction: Prediction) -> None:
        verdict = "clean" if prediction.judged else "not judged"
        self._counts["distorted" if prediction.present_families else verdict] += 1
        table = self._grid()
        path = self._path(prediction.path or "-")
        answers = shown(prediction, self._show_all)
        for i, answer in enumerate(answers):
            table.add_row(path if i == 0 else "", *self._cells(answer))
        if not prediction.judged:
            table.add_row(path, Text("not judged", "dim"))
        elif not answers:
            table.add_row(path, Text("clean", CLEAN_STYLE))
        for quality in prediction.qualities:
            table.add_row("", Text(quality_text(quality.label, quality.value), quality_style(quality)))
        self._write_header()
        why = [] if prediction.judged else [not_judged(prediction)]
        self._write(table, *map(_note, (*why, *prediction.remarks)))

    def event(self, path: str, event: Event) -> None:
        if self._names.tells(event):
            self._write(Text(event_text(event, 0), "red" if event.kind == "onset" else "dim"))

    def video(self, path: str, prediction: VideoPrediction) -> None:
        from dheads_cli.output.video_table import facts, video_qualities, video_table

        answers = shown_in_video(prediction, self._show_all) if prediction.reason is None else ()
        verdict = "clean" if prediction.reason is None else "not judged"
        self._counts["distorted" if prediction.relevant_families else verdict] += 1
        title = Text.assemble((printable(path), "bold"), (f"  {facts(prediction)}", "dim"))
        body = (
            video_table(prediction, answers, self._console)
            if answers
            else Text(f"  {verdict}", CLEAN_STYLE if verdict == "clean" else "dim")
        )
        blank = [] if sum(self._counts.values()) == 1 else [Text()]
        told = video_qualities(prediction, self._console)
        why = [] if prediction.reason is None else [not_judged(prediction)]
        self._write(*blank, title, body, *told, *map(_note, (*why, *prediction.notes)))
        if prediction.error is not None:
            super().error(path, prediction.error)

    def error(self, path: str, reason: str) -> None:
        self._counts["failed"] += 1
        super().error(path, reason)

    def left_out(self, path: str, reason: str) -> None:
        self._counts["failed"] += 1

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
        names = ("Picture", "Distortion", self._form.heading, "Severity", "Kind")
        table.add_row(*(Text(name, "bold") for name in names[: len(self._widths)]))
        length = sum(self._widths) + (len(self._widths) - 1) * GAP
        rule = Text(self._glyphs.rule * min(length, self._console.width), "dim")
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

    def _cells(self, answer: FamilyResult | HeadResult) -> tuple[Text, ...]:
        form, style = self._form, severity_style(answer) if answer.present else "dim"
        plain = "" if answer.present else "dim"
        bar = f"{self._glyphs.bar(answer.probability)} " if form.bar else ""
        probability = Text.assemble((bar, style), (f"{answer.probability:.2f}", plain))
        severity = Text()
        if answer.present and answer.severity is not None:
            dots = f"{self._glyphs.dots(answer.severity)} " if form.dots else ""
            severity = Text.assemble((dots, style), (f"{answer.severity:.1f}", "" if form.dots else style))
        name = Text(shown_name(answer), "bold" if answer.present and isinstance(answer, FamilyResult) else plain)
        return (name, probability, severity, *([Text(self._kinds(answer))] if form.kind else []))

    def _kinds(self, answer: FamilyResult | HeadResult) -> str:
        if not (answer.present and isinstance(answer, FamilyResult)):
            return ""
        both, first = (kinds_text(answer.kinds, most=most) for most in (2, 1))
        return both if cell_len(both) <= self._widths[-1] else first


def _note(text: str) -> Text:
    """Return a line of its own below a picture's or video's answer."""
    return Text(f"  {printable(text)}", "dim")


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


def quality_text(label: str, value: float) -> str:
    """Return `quality 2.7`."""
    return f"{label} {value:.1f}"


def quality_style(quality: QualityResult) -> str:
    """Return the colour of a quality: green from 3 quarters of the scale on, red in its lowest third."""
    share = (quality.value - quality.low) / (quality.high - quality.low)
    return "green" if share >= 0.75 else "yellow" if share >= 1 / 3 else "red"


def shortened(path: str, width: int, ellipsis: str) -> str:
    """Return the end of `path`, where pictures differ, in at most `width` cells."""
    if cell_len(path) <= width:
        return path
    while path and cell_len(ellipsis + path) > width:
        path = path[1:]
    return ellipsis + path


def severity_style(head: FamilyResult | HeadResult) -> str:
    """Return the colour of a distortion: the stronger, the warmer."""
    if head.severity is None or head.severity < 2.5:
        return "yellow"
    return "dark_orange" if head.severity < 3.5 else "red"
