"""The score of the ICIP 2020 challenge on distortions of laparoscopic video (Ameur et al. 2022, Eq. 12)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError
from distortion_heads.evaluation.summary import SCHEMA

WEIGHTS = {"all_f1": 0.35, "accuracy": 0.35, "single_f1": 0.15, "seconds": 0.15}
"""Weights of the ranks by F1 on all videos, accuracy (exact match), F1 on single distortions, and time."""

FIGURES = {"all_f1": "micro_f1", "accuracy": "exact", "single_f1": "single_right", "seconds": "seconds"}
"""As the challenge's scoring program computes them."""

LOWER_IS_BETTER = frozenset(("seconds",))
MAX_FILE_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One method of one result file, or one submission; `values` by the keys of `WEIGHTS`, NaN for unknown seconds."""

    name: str
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Score:
    """`ranks` from 1, the best, equal values sharing the better rank; `score`: their weighted sum, lowest is best.

    What is not known (NaN) does not rank: it has the first.
    """

    entry: Entry
    ranks: Mapping[str, int]
    score: float


def score_2020(entries: Sequence[Entry]) -> tuple[Score, ...]:
    """Return the scores, best first."""
    ranks = {figure: _ranks([entry.values[figure] for entry in entries], figure) for figure in WEIGHTS}
    scores = []
    for i, entry in enumerate(entries):
        own = {figure: ranks[figure][i] for figure in WEIGHTS}
        total = sum(weight * own[figure] for figure, weight in WEIGHTS.items())
        scores.append(Score(entry=entry, ranks=own, score=round(total, 6)))
    return tuple(sorted(scores, key=lambda score: score.score))


def read_entries(files: Sequence[Path], protocol: str = "disjoint") -> tuple[Entry, ...]:
    """Return all methods in results of `dheads evaluate` under `protocol`, at the largest share of each file.

    Raises `DataError` if a file is none, lacks a figure, or was made on other records or labels than the first.
    """
    contents = [(file, _read(file)) for file in files]
    named = []
    for file, content in contents:
        _check_alike(contents[0], (file, content))
        rows = [row for row in content["rows"] if row["protocol"] == protocol]
        if not rows:
            raise DataError(f"{file} has no results under the protocol {protocol}: choose another --protocol")
        largest = max(row["share"] for row in rows)
        named += [(row["method"], file, _values(row, file)) for row in rows if row["share"] == largest]
    often = Counter(method for method, _, _ in named)
    return tuple(
        Entry(name=f"{method} ({file})" if often[method] > 1 else method, values=values)
        for method, file, values in named
    )


def _ranks(values: Sequence[float], figure: str) -> list[int]:
    """Return standard competition ranks: 1 + the number of strictly better values."""
    signed = [value if figure in LOWER_IS_BETTER else -value for value in values]
    return [1 + sum(other < value for other in signed) for value in signed]


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
        content = json.loads(data) if len(data) <= MAX_FILE_BYTES else None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {reason(error)}") from None
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA or not _whole(content):
        raise DataError(f"{file} is no result.json of `dheads evaluate`")
    return content


def _whole(content: dict[str, Any]) -> bool:
    try:
        rows = [(str(row["method"]), row["protocol"], float(row["share"]), row["figures"]) for row in content["rows"]]
        return bool(rows) and isinstance(content["dataset"]["sha256"], str) and isinstance(content["labels"], list)
    except (KeyError, TypeError, ValueError):
        return False


def _check_alike(first: tuple[Path, dict[str, Any]], other: tuple[Path, dict[str, Any]]) -> None:
    if first[1]["dataset"]["sha256"] != other[1]["dataset"]["sha256"] or first[1]["labels"] != other[1]["labels"]:
        raise DataError(f"{other[0]} was made on other records or labels than {first[0]}: ranks would mean nothing")


def _values(row: Mapping[str, Any], file: Path) -> dict[str, float]:
    try:
        return {name: float(row["figures"][figure]["median"]) for name, figure in FIGURES.items()}
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{file}: method {row['method']!r} lacks a figure that the score needs") from None
