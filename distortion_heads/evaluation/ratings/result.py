"""The result of `dheads evaluate --task quality`, and as what result.json and report.md hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads.evaluation.ratings.rated import RatedPictures
from distortion_heads.metrics.correlation import Agreement, agreement, srocc
from distortion_heads.reports.files import plain
from distortion_heads.reports.markdown import number, render

SCHEMA = "dheads-ratings/1"
LEAST_OF_KIND = 10
"""Pictures of a kind below which it has no figure of its own."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One scorer on one dataset. Of `missing` pictures it has no score. `kinds`: SROCC by kind of distortion."""

    name: str
    title: str
    needs_reference: bool
    missing: int
    agreement: Agreement | None
    kinds: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DatasetResult:
    """All scorers on one dataset; `kinds`: pictures of each kind."""

    name: str
    folder: str
    pictures: int
    scenes: int
    lower_better: bool
    rows: tuple[Row, ...]
    kinds: Mapping[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RatingsResult:
    """Everything. `cross`: SROCC of what was fitted on the dataset of the row, or on none, on that of the column."""

    command: str
    datasets: tuple[DatasetResult, ...]
    cross: Mapping[str, tuple[float | None, ...]]


def make_row(name: str, title: str, needs_reference: bool, scores: NDArray[np.float64], rated: RatedPictures) -> Row:
    """Compare scores (n,), more is better, with the opinions of the pictures that have one."""
    there = np.isfinite(scores)
    kinds = np.array([record.kind for record in rated.records])
    by_kind = {
        kind: srocc(scores[there & (kinds == kind)], rated.opinions[there & (kinds == kind)])
        for kind in counted_kinds(rated)
    }
    return Row(
        name=name,
        title=title,
        needs_reference=needs_reference,
        missing=int((~there).sum()),
        agreement=agreement(scores[there], rated.opinions[there], rated.scenes[there]) if there.any() else None,
        kinds=by_kind,
    )


def counted_kinds(rated: RatedPictures) -> dict[str, int]:
    """Return how many pictures there are of each kind, where they are enough."""
    kinds = [record.kind for record in rated.records if record.kind]
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(sorted(kinds))}
    return {kind: count for kind, count in counts.items() if count >= LEAST_OF_KIND}


def table_rows(dataset: DatasetResult) -> list[list[str]]:
    """Return the table of a dataset, a header first."""
    rows = [["scorer", "original", "n", "SROCC", "95 %", "KRCC", "PLCC", "PLCC 4", "PLCC 5", "RMSE"]]
    for row in dataset.rows:
        found = row.agreement
        needed = "needed" if row.needs_reference else ""
        if found is None:
            rows.append([row.title, needed, "0", *["–"] * 7])
            continue
        between = "–" if found.srocc_interval is None else "{:.3f} to {:.3f}".format(*found.srocc_interval)
        after = (found.krcc, found.plcc, found.plcc4, found.plcc5, found.rmse)
        rows.append([row.title, needed, str(found.n), number(found.srocc), between, *map(number, after)])
    return rows


def result_to_dict(result: RatingsResult) -> dict[str, Any]:
    """Return the content of result.json: floats to 5 digits."""
    return dict(plain({"schema": SCHEMA, **asdict(result)}))


def to_markdown(result: RatingsResult) -> str:
    """Return the text of report.md."""
    return render("ratings.md.j2", result=result, rows=table_rows, least=LEAST_OF_KIND)


def cross_table(result: RatingsResult) -> Sequence[Sequence[str]]:
    """Return the cross-database table, a header first."""
    header = ["fitted on", *(dataset.folder for dataset in result.datasets)]
    return [header, *([name, *map(number, values)] for name, values in result.cross.items())]
