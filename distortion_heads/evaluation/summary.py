"""The result of `dheads evaluate`: medians over repetitions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from distortion_heads.datasets.published.lvq import KIND as LVQ
from distortion_heads.datasets.splits import TEST_SHARE, VALIDATION_SHARE
from distortion_heads.evaluation.figures import (
    CLEAN,
    SWEEP,
    Figures,
    combinations,
    confusion,
    head_figures,
    overall_figures,
    sweep_figures,
)
from distortion_heads.evaluation.outcome import Outcome
from distortion_heads.reports.markdown import render

SCHEMA = "dheads-evaluation/1"
WRONG_SETS = 5
"""How many sets of labels that were answered with another one are listed for each method."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """One figure over the repetitions in which it could be measured."""

    median: float
    low: float
    high: float
    values: tuple[float, ...]


Spreads = Mapping[str, Spread | None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One method under one protocol at one share.

    `thresholds` maps a common threshold to medians; `confusion` is summed over the repetitions, clean last, and so are
    `combinations`: the sets of labels that are there, those of the answers to them, and how often.
    """

    method: str
    protocol: str
    share: float
    repetitions: int
    n_train: int
    n_validation: int
    n_test: int
    figures: Spreads
    heads: Mapping[str, Spreads]
    thresholds: Mapping[str, Mapping[str, float | None]]
    confusion: tuple[tuple[int, ...], ...]
    combinations: Mapping[str, Mapping[str, int]]

    @property
    def confusion_plot(self) -> str:
        """The file name of its confusion matrix."""
        return f"confusion-{self._slug}.png"

    @property
    def combinations_plot(self) -> str:
        """The file name of its confusion over sets of labels."""
        return f"combinations-{self._slug}.png"

    @property
    def wrong_sets(self) -> list[tuple[str, str, int, int]]:
        """The most frequent ones: what is there, another set as the answer, how often, and of how many records."""
        rows = [
            (there, answer, count, sum(found.values()))
            for there, found in self.combinations.items()
            for answer, count in found.items()
            if answer != there
        ]
        return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))[:WRONG_SETS]

    @property
    def _slug(self) -> str:
        return f"{re.sub(r'[^a-z0-9.]+', '-', self.method.lower()).strip('-')}-{self.protocol}"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The dataset. `sha256`: over paths, contents, labels and scenes of the records that were used."""

    name: str
    folder: str
    sha256: str
    records: int
    scenes: int
    clean: int
    multiple: int


@dataclass(frozen=True)
class LeftOutFile:
    """A file that could not be read, by its path in the dataset, and why."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """Everything. `note` is the user's own; `notes` say what was left out or done differently, a line each.

    `backbones`: by method, where it only reads one. `left_out`: files that could not be read.
    """

    command: str
    note: str
    dataset: Dataset
    labels: tuple[str, ...]
    frames: int | None
    seed: int
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    backbones: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[LeftOutFile, ...] = ()

    def at(self, protocol: str, share: float | None = None) -> tuple[Row, ...]:
        """Return the rows of a protocol, by default at the largest share."""
        rows = [row for row in self.rows if row.protocol == protocol]
        if not rows:
            return ()
        wanted = max(row.share for row in rows) if share is None else share
        return tuple(row for row in rows if row.share == wanted)

    @property
    def largest(self) -> tuple[Row, ...]:
        """The rows at the largest share of each protocol."""
        return tuple(row for protocol in self.protocols for row in self.at(protocol))

    @property
    def protocols(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.protocol for row in self.rows))

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.method for row in self.rows))

    @property
    def shares(self) -> tuple[float, ...]:
        return tuple(sorted({row.share for row in self.rows}))


def summarize(outcomes: Sequence[Outcome]) -> Row:
    """Return the row of the repetitions of one method, protocol and share."""
    first = outcomes[0]
    sweeps = [sweep_figures(outcome) for outcome in outcomes]
    heads = [head_figures(outcome) for outcome in outcomes]
    return Row(
        method=first.method,
        protocol=first.protocol,
        share=first.share,
        repetitions=len(outcomes),
        n_train=round(np.median([outcome.n_train for outcome in outcomes])),
        n_validation=round(np.median([outcome.n_validation for outcome in outcomes])),
        n_test=round(np.median([len(outcome.paths) for outcome in outcomes])),
        figures=_spreads([overall_figures(outcome) for outcome in outcomes]),
        heads={label: _spreads([each[label] for each in heads]) for label in first.labels},
        thresholds={f"{value:.1f}": _medians([sweep[value] for sweep in sweeps]) for value in SWEEP},
        confusion=tuple(map(tuple, np.sum([confusion(outcome) for outcome in outcomes], axis=0).tolist())),
        combinations=_combinations(outcomes),
    )


def _combinations(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """Return the counts of all repetitions together, the sets with fewer labels first."""
    counts = sum((Counter(combinations(outcome)) for outcome in outcomes), Counter[tuple[str, str]]())
    table: dict[str, dict[str, int]] = {}
    for there, found in sorted(counts, key=lambda pair: [(name != CLEAN, name.count("+"), name) for name in pair]):
        table.setdefault(there, {})[found] = counts[there, found]
    return table


def median(spreads: Spreads, name: str) -> float | None:
    """Return the median of a figure; None where it was never measured."""
    spread = spreads.get(name)
    return None if spread is None else spread.median


def result_to_dict(result: Result) -> dict[str, Any]:
    """Return the content of result.json: floats to 6 digits."""
    content: dict[str, Any] = _rounded({"schema": SCHEMA, **asdict(result)})
    return content


def to_markdown(result: Result) -> str:
    """Return the text of report.md."""
    return render(
        "evaluation.md.j2",
        result=result,
        median=median,
        lvq=LVQ,
        test_share=TEST_SHARE,
        validation_share=VALIDATION_SHARE,
    )


def _spreads(figures: Iterable[Figures]) -> dict[str, Spread | None]:
    figures = list(figures)
    return {name: _spread([each[name] for each in figures]) for name in figures[0]}


def _spread(values: Sequence[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(median=float(np.median(known)), low=min(known), high=max(known), values=tuple(known))


def _medians(figures: Iterable[Figures]) -> dict[str, float | None]:
    return {name: None if spread is None else spread.median for name, spread in _spreads(figures).items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value
