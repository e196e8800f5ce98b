"""Answers for pictures as dicts for JSON, and rows of CSV. The keys are stable."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from distortion_heads.answers import FamilyResult, HeadResult, KindShare, Prediction
from distortion_heads.errors import DheadsError
from distortion_heads.heads.families import OTHER
from distortion_heads.io.text_tables import csv_cells, csv_path, csv_text
from distortion_heads.reports.qualities import quality_cells, quality_keys
from distortion_heads.spec import FAMILY

if TYPE_CHECKING:
    from distortion_heads.video.answers import VideoHead

CSV_COLUMNS = ("path", "width", "height", "windows", "backbone", "error")
NOTES = "notes"
"""The last column."""

LEAST_SHARE = 0.05
"""Kinds of a family with a smaller share are left out of JSON."""

# Beyond what JSON itself escapes: terminal controls, line separators of Unicode, bytes of a path that are no UTF-8.
_UNSAFE = re.compile(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PARTS = ("", "_present", "_severity")


def prediction_to_dict(prediction: Prediction) -> dict[str, Any]:
    """Return the object of a picture: probabilities, thresholds and shares to 6 digits, severities to 2.

    With `fast`, `unfamiliar`, `notes`, `area` and `area_shape`, `judged` with its `reason`, and `quality` where they
    say something, and with the `areas` of families where the prediction has places.
    """
    area = {} if prediction.area is None else {"area": list(prediction.area), "area_shape": prediction.area_shape}
    return {
        "path": prediction.path,
        "width": prediction.width,
        "height": prediction.height,
        "windows": prediction.windows,
        **({"fast": True} if prediction.fast else {}),
        "backbone": prediction.backbone,
        **area,
        **({"unfamiliar": True} if prediction.unfamiliar else {}),
        **({} if prediction.judged else {"judged": False, "reason": prediction.reason}),
        **({"notes": list(prediction.notes)} if prediction.notes else {}),
        "families": [{**family_to_dict(family), **_areas(prediction, family)} for family in prediction.families],
        **quality_keys(prediction.qualities),
        "heads": [head_to_dict(head) for head in prediction.heads],
    }


def _areas(prediction: Prediction, family: FamilyResult) -> dict[str, Any]:
    """Return where a family is, if it was looked for: `areas` of pixels, also of one in a part of the picture only."""
    if prediction.places is None or not prediction.judged or family.family not in prediction.places.found():
        return {}
    areas = prediction.heat(family.family).areas
    return {"areas": [{**vars(area), "probability": round(area.probability, 6)} for area in areas]}


def family_to_dict(family: FamilyResult) -> dict[str, Any]:
    """Return what the objects of pictures and of videos say of a family alike."""
    return {"family": family.family, **_answer_to_dict(family), "kinds": kinds_to_list(family.kinds)}


def kinds_to_list(kinds: Iterable[KindShare]) -> list[dict[str, Any]]:
    """Return the objects of those kinds that have a share of `LEAST_SHARE` or more."""
    return [{"label": kind.label, "share": round(kind.share, 6)} for kind in kinds if kind.share >= LEAST_SHARE]


def kinds_text(kinds: Iterable[KindShare], *, most: int = 2, words: bool = True) -> str:
    """Return `white noise 85 %` for people: the most probable kind and, of `most` in all, others of half its share.

    A named kind goes before "another kind" where one alone is wanted. Labels as they are without `words`. Nothing
    where no kind is known.
    """
    kinds = tuple(kinds)
    if all(kind.label == OTHER for kind in kinds):
        return ""
    least = max(kind.share for kind in kinds) / 2
    shown = [kind for kind in kinds if kind.share >= least]
    named = [kind for kind in shown if kind.label != OTHER]
    shown = (named if named and most == 1 else shown)[:most]
    return ", ".join(f"{_words(kind.label) if words else kind.label} {100 * kind.share:.0f} %" for kind in shown)


def _words(label: str) -> str:
    return "another kind" if label == OTHER else label.replace("_", " ")


def head_to_dict(head: HeadResult | VideoHead) -> dict[str, Any]:
    """Return what the objects of pictures and of videos say of a head alike; `scope` where that is a family."""
    scope = {"scope": head.scope} if head.scope == FAMILY else {}
    return {"label": head.label, "family": head.family, **_answer_to_dict(head), **scope}


def _answer_to_dict(answer: HeadResult | FamilyResult) -> dict[str, Any]:
    return {
        "probability": round(float(answer.probability), 6),
        "threshold": round(float(answer.threshold), 6),
        "present": bool(answer.present),
        "severity": severity_cell(answer.severity),
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
    """Writes CSV rows: `columns` (path first, error last), columns per family and per head of `labels`, then `notes`.

    `notes`: what was done to the picture or not looked at, or why it was not judged; several are parted by "; ".
    A family has FAMILY, FAMILY_present, FAMILY_severity and FAMILY_kind, its most probable kind where it is present; a
    head has LABEL, LABEL_present and LABEL_severity, unless it is called after its family, which then has the same. A
    family called like one of `columns` has none. Before the notes comes a column for each of `qualities`. `present` is
    `true` or `false`; what is missing is empty. Texts are written as `text_tables` does. Open `stream` with
    `newline=""`.
    """

    columns: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        stream: TextIO,
        labels: Sequence[str],
        families: Sequence[str] = (),
        qualities: Sequence[str] = (),
        *,
        header: bool = True,
    ) -> None:
        """Write the header, unless it is there already. Raises `DheadsError` if two columns would have one name."""
        self._families = tuple(family for family in families if family not in (*self.columns, NOTES))
        self._labels = tuple(label for label in labels if label not in self._families)
        self._qualities = tuple(qualities)
        self._writer = csv.writer(stream)
        columns = [*self.columns, *(family + part for family in self._families for part in (*_PARTS, "_kind"))]
        columns += [*(label + part for label in self._labels for part in _PARTS), *self._qualities, NOTES]
        for i, column in enumerate(columns):
            if column in columns[:i]:
                raise DheadsError(f"two columns of the CSV would be called {column!r}: choose heads with --heads")
        if header:
            self._writer.writerow(csv_cells(columns))

    def write_error(self, path: str | None, message: str | None, notes: Sequence[str] = ()) -> None:
        """Write the row of an input that failed, or failed from some time on, or of which there is more to say."""
        blank = [None] * (len(self.columns) - 2)
        empty = [None] * (4 * len(self._families) + 3 * len(self._labels) + len(self._qualities))
        error = None if message is None else csv_text(message)
        self._writer.writerow([csv_path(path), *blank, error, *empty, _joined(notes)])

    def _write(self, path: str | None, cells: Sequence[object], prediction: Prediction) -> None:
        """Write a row without error; `cells` are those between path and error. Heads without an answer stay empty."""
        families = {family.family: family for family in prediction.families}
        heads = {head.label: head for head in prediction.heads}
        row: list[object] = [csv_path(path), *csv_cells(cells), None]
        for family in map(families.get, self._families):
            row += [None] * 4 if family is None else [*_cells(family), _kind(family)]
        for head in map(heads.get, self._labels):
            row += [None] * 3 if head is None else _cells(head)
        row += map(quality_cells(prediction.qualities).get, self._qualities)
        why = () if prediction.judged or prediction.reason is None else (prediction.reason,)
        self._writer.writerow([*row, _joined((*why, *prediction.remarks))])


class CsvReport(HeadsCsv):
    """Writes one CSV row per picture: `CSV_COLUMNS`, then those of `HeadsCsv`."""

    columns = CSV_COLUMNS

    def write(self, prediction: Prediction) -> None:
        """Write one row. Raises `ValueError` for a head that the header does not have."""
        if unknown := {head.label for head in prediction.heads} - {*self._labels, *self._families}:
            raise ValueError(f"heads without a column: {sorted(unknown)}")
        cells = (prediction.width, prediction.height, prediction.windows, prediction.backbone)
        self._write(prediction.path, cells, prediction)


def _joined(notes: Sequence[str]) -> str | None:
    return csv_text("; ".join(notes)) if notes else None


def _cells(answer: HeadResult | FamilyResult) -> list[object]:
    values = _answer_to_dict(answer)
    return [values["probability"], str(values["present"]).lower(), values["severity"]]


def _kind(family: FamilyResult) -> str | None:
    return next((kind.label for kind in family.kinds), None) if family.present else None
