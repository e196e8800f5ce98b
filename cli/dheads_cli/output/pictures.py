"""What `predict` writes for programs and into pipes: JSON lines, CSV, plain text. The table is in `_table`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TextIO, cast

from dheads_cli.output.console import ResultStream, complain, printable
from distortion_heads.answers import HeadResult, Prediction
from distortion_heads.reports.pictures import CsvReport, error_to_dict, prediction_to_dict, to_json_line

MAX_PATH_COLUMN = 60


class Sink(Protocol):
    """Where the results of the inputs go, one after the other."""

    def prediction(self, prediction: Prediction) -> None: ...

    def error(self, path: str, reason: str) -> None: ...

    def close(self) -> None: ...


class JsonSink:
    """One object per line, errors among them."""

    def __init__(self, stream: ResultStream) -> None:
        self._stream = stream

    def prediction(self, prediction: Prediction) -> None:
        self._stream.write(f"{to_json_line(prediction_to_dict(prediction))}\n")

    def error(self, path: str, reason: str) -> None:
        self._stream.write(f"{to_json_line(error_to_dict(path, reason))}\n")

    def close(self) -> None:
        pass


class CsvSink:
    """One row per input, errors among them; these also on stderr."""

    def __init__(self, stream: ResultStream, labels: Sequence[str]) -> None:
        self._report = CsvReport(cast(TextIO, stream), labels)

    def prediction(self, prediction: Prediction) -> None:
        self._report.write(prediction)

    def error(self, path: str, reason: str) -> None:
        self._report.write_error(path, reason)
        complain_about(path, reason)

    def close(self) -> None:
        pass


class PlainSink:
    """A line per picture and distortion, `PATH  LABEL  PROBABILITY  severity S`, or `PATH  clean`; errors on stderr."""

    def __init__(self, stream: ResultStream, labels: Sequence[str], paths: Sequence[str], show_all: bool) -> None:
        self._stream, self._show_all = stream, show_all
        self._path_width = min(max((len(printable(path)) for path in paths), default=0), MAX_PATH_COLUMN)
        self._label_width = max(map(len, labels))

    def prediction(self, prediction: Prediction) -> None:
        path = printable(prediction.path or "-").ljust(self._path_width)
        shown = shown_heads(prediction, self._show_all)
        lines = [f"{path}  {self._finding(head)}\n" for head in shown]
        self._stream.write("".join(lines) or f"{path}  clean\n")

    def error(self, path: str, reason: str) -> None:
        complain_about(path, reason)

    def close(self) -> None:
        pass

    def _finding(self, head: HeadResult) -> str:
        verdict = "absent" if not head.present else "present"
        if head.present and head.severity is not None:
            verdict = f"severity {head.severity:.1f}"
        return f"{head.label.ljust(self._label_width)}  {head.probability:.2f}  {verdict}"


def shown_heads(prediction: Prediction, show_all: bool) -> tuple[HeadResult, ...]:
    """The heads above their thresholds; with `show_all` then the others. Most probable first."""
    absent = sorted((head for head in prediction.heads if not head.present), key=lambda head: -head.probability)
    return (*prediction.present, *absent) if show_all else prediction.present


def complain_about(path: str, reason: str) -> None:
    """One line on stderr about an input."""
    complain(f"error: {path}: {reason}")
