"""Answers for pictures as dicts for JSON, and rows of CSV. The keys are stable."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from distortion_heads.answers import HeadResult, Prediction
from distortion_heads.errors import DheadsError

if TYPE_CHECKING:
    from distortion_heads.video.answers import VideoHead

CSV_COLUMNS = ("path", "width", "height", "windows", "backbone", "error")

_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Beyond what JSON itself escapes: terminal controls, line separators of Unicode, bytes of a path that are no UTF-8.
_UNSAFE = re.compile(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FORMULA = re.compile(r"[=+\-@\t\r]")


def prediction_to_dict(prediction: Prediction) -> dict[str, Any]:
    """Return the object of a picture: probabilities and thresholds to 6 digits, severities to 2.

    With `fast` where that is true.
    """
    return {
        "path": prediction.path,
        "width": prediction.width,
        "height": prediction.height,
        "windows": prediction.windows,
        **({"fast": True} if prediction.fast else {}),
        "backbone": prediction.backbone,
        "heads": [head_to_dict(head) for head in prediction.heads],
    }


def head_to_dict(head: HeadResult | VideoHead) -> dict[str, Any]:
    """Return what the objects of pictures and of videos say of a head alike."""
    return {
        "label": head.label,
        "family": head.family,
        "probability": round(float(head.probability), 6),
        "threshold": round(float(head.threshold), 6),
        "present": bool(head.present),
        "severity": severity_cell(head.severity),
    }


def severity_cell(value: float | None) -> float | None:
    """Return a severity to 2 digits."""
    return None if value is None else round(float(value), 2)


def error_to_dict(path: str | None, message: str) -> dict[str, Any]:
    """Return the object for an input that failed."""
    return {"path": path, "error": message}


def to_json_line(value: Mapping[str, Any]) -> str:
    r"""Return `value` as one line of JSON without the newline; the same value gives the same line.

    Text stays as it is, but for control characters and for the surrogates that stand for a path's bytes that are no
    UTF-8 (PEP 383): these become `\uXXXX`, and a JSON reader gives back the same `str`.
    """
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


class HeadsCsv:
    """Writes CSV rows: `columns` (path first, error last), then LABEL, LABEL_present, LABEL_severity per head.

    `present` is `true` or `false`; what is missing is empty. A spreadsheet takes a cell that begins with one of
    `= + - @` for a formula: such a path gets `./` in front, which names the same file, and such a message a `'`.
    Surrogates become `\\udcXX`, as UTF-8 cannot hold them. Open `stream` with `newline=""`.
    """

    columns: ClassVar[tuple[str, ...]]

    def __init__(self, stream: TextIO, labels: Sequence[str]) -> None:
        """Write the header. Raises `DheadsError` if two columns would have one name."""
        self._labels = tuple(labels)
        self._writer = csv.writer(stream)
        header = [*self.columns, *(label + part for label in labels for part in ("", "_present", "_severity"))]
        for i, column in enumerate(header):
            if column in header[:i]:
                raise DheadsError(f"two columns of the CSV would be called {column!r}: choose heads with --heads")
        self._writer.writerow(header)

    def write_error(self, path: str | None, message: str) -> None:
        """Write the row of an input that failed, or failed from some time on."""
        blank = [None] * (len(self.columns) - 2)
        self._writer.writerow([csv_path(path), *blank, csv_text(message), *[None] * (3 * len(self._labels))])

    def _write(self, path: str | None, cells: Sequence[object], heads: Sequence[HeadResult]) -> None:
        """Write a row without error; `cells` are those between path and error. Heads without an answer stay empty."""
        results = {head.label: head_to_dict(head) for head in heads}
        row: list[object] = [csv_path(path), *cells, None]
        for head in map(results.get, self._labels):
            row += [None] * 3 if head is None else [head["probability"], str(head["present"]).lower(), head["severity"]]
        self._writer.writerow(row)


class CsvReport(HeadsCsv):
    """Writes one CSV row per picture: `CSV_COLUMNS`, then those of `HeadsCsv`."""

    columns = CSV_COLUMNS

    def write(self, prediction: Prediction) -> None:
        """Write one row. Raises `ValueError` for a head that the header does not have."""
        if unknown := {head.label for head in prediction.heads} - set(self._labels):
            raise ValueError(f"heads without a column: {sorted(unknown)}")
        cells = (prediction.width, prediction.height, prediction.windows, prediction.backbone)
        self._write(prediction.path, cells, prediction.heads)


def csv_path(path: str | None) -> str | None:
    """Return `path` as a cell (see `HeadsCsv`)."""
    if path is None:
        return None
    return _printable(f"./{path}" if _FORMULA.match(path) else path)


def csv_text(text: str) -> str:
    """Return a message as a cell (see `HeadsCsv`)."""
    return _printable(f"'{text}" if _FORMULA.match(text) else text)


def _printable(text: str) -> str:
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
