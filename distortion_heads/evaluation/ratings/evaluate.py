"""Compare scorers with people's ratings on one dataset or several, and what is fitted on one with the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.record import Corpus
from distortion_heads.errors import DataError
from distortion_heads.evaluation.ratings.brisque import NAME, TITLE, fit_brisque, out_of_fold
from distortion_heads.evaluation.ratings.rated import RatedPictures, rated_pictures
from distortion_heads.evaluation.ratings.result import (
    DatasetResult,
    RatingsResult,
    Row,
    counted_kinds,
    make_row,
    result_to_dict,
    to_markdown,
)
from distortion_heads.evaluation.ratings.scores import Judged, judge_rated
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.metrics.correlation import srocc
from distortion_heads.metrics.scorers import Scorer
from distortion_heads.reports.files import write_report

StageProgress: TypeAlias = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class RatingsOptions:
    """Options: the folder of the report, the scorers, whether BRISQUE is fitted, and the number of threads."""

    out: Path
    scorers: tuple[Scorer, ...]
    brisque: bool = True
    threads: int = 1
    command: str = "dheads evaluate --task quality"


def evaluate_ratings(
    corpora: Sequence[Corpus],
    options: RatingsOptions,
    progress: StageProgress = lambda stage, done, total: None,
) -> RatingsResult:
    """Judge the rated pictures of each dataset, write report.md and result.json to `options.out`.

    `progress(dataset, done, total)` counts pictures. Raises `DataError` for a dataset without usable ratings.
    """
    rated = [rated_pictures(corpus, content_hashes([record.path for record in corpus.records])) for corpus in corpora]
    if len({one.folder for one in rated}) < len(rated):
        raise DataError("two datasets lie in folders of one name: rename one of them")
    judged = []
    for one in rated:
        judged.append(judge_rated(one, options.scorers, options.threads, partial(progress, one.folder)))
    datasets = tuple(_dataset(one, found, options) for one, found in zip(rated, judged, strict=True))
    cross = _cross(rated, judged, datasets, options) if len(rated) > 1 else {}
    result = RatingsResult(command=options.command, datasets=datasets, cross=cross)
    write_report(options.out, "result.json", result_to_dict(result), to_markdown(result), {})
    return result


def _dataset(rated: RatedPictures, judged: Judged, options: RatingsOptions) -> DatasetResult:
    rows = [
        make_row(scorer.name, scorer.title, scorer.needs_reference, scores, rated)
        for scorer, scores in zip(options.scorers, judged.scores.T, strict=True)
        if not (scorer.needs_reference and np.isnan(scores).all())
    ]
    if options.brisque and (row := _brisque_row(rated, judged)) is not None:
        rows.append(row)
    return DatasetResult(
        name=rated.name,
        folder=rated.folder,
        pictures=len(rated.records),
        scenes=len(np.unique(rated.scenes)),
        lower_better=rated.lower_better,
        rows=tuple(rows),
        kinds=counted_kinds(rated),
        notes=(*rated.notes, *judged.problems),
    )


def _brisque_row(rated: RatedPictures, judged: Judged) -> Row | None:
    there = np.isfinite(judged.features).all(1)
    if there.sum() < 2:
        return None
    found = out_of_fold(judged.features[there], rated.opinions[there], rated.scenes[there])
    if found is None:
        return None
    scores = np.full(len(judged.features), np.nan)
    scores[there] = found
    return make_row(NAME, TITLE, False, scores, rated)


def _cross(
    rated: Sequence[RatedPictures], judged: Sequence[Judged], datasets: Sequence[DatasetResult], options: RatingsOptions
) -> dict[str, tuple[float | None, ...]]:
    """Return SROCC by what was fitted on which dataset: BRISQUE on each, the others on none of them."""
    table: dict[str, tuple[float | None, ...]] = {}
    for place, scorer in enumerate(options.scorers):
        columns = [_known_srocc(found.scores[:, place], one) for one, found in zip(rated, judged, strict=True)]
        table[f"{scorer.title}, none"] = tuple(columns)
    for index, one in enumerate(rated) if options.brisque else ():
        there = np.isfinite(judged[index].features).all(1)
        if there.sum() < 2:
            continue
        machine = fit_brisque(judged[index].features[there], one.opinions[there])
        own = next((row.agreement for row in datasets[index].rows if row.name == NAME), None)
        table[f"{TITLE}, {one.folder}"] = tuple(
            (own.srocc if own else None) if other is one else _known_srocc(_predict(machine, found.features), other)
            for other, found in zip(rated, judged, strict=True)
        )
    return table


def _known_srocc(scores: NDArray[np.float64], rated: RatedPictures) -> float | None:
    there = np.isfinite(scores)
    return srocc(scores[there], rated.opinions[there])


def _predict(machine: object, features: NDArray[np.float64]) -> NDArray[np.float64]:
    there, scores = np.isfinite(features).all(1), np.full(len(features), np.nan)
    if there.any():
        scores[there] = machine.predict(features[there])  # type: ignore[attr-defined]
    return scores
