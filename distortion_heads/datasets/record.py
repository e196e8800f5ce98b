"""A dataset as records: one per picture or video, with its labels and the scene that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from distortion_heads.io.unread import Unread


@dataclass(frozen=True, kw_only=True)
class Record:
    """One picture (or one video).

    `scene` identifies the pristine content: records of one scene never cross a split. `severities` maps each label
    that is present (this project's labels, such as "gaussian_blur") to its severity in [1, 5], or to NaN where that
    is unknown; it is empty for a clean picture. `level` is the dataset's own, unchanged. `mos` is the mean opinion
    score in the dataset's own scale; `reference` the pristine file where the dataset has one; `kind` the type that the
    dataset names, also where it changes nothing and the record is clean; empty for a reference. `scores`: values of
    full-reference metrics by name, where the dataset has them; `parameters` the physical ones of each label.
    """

    path: Path
    scene: str
    severities: Mapping[str, float] = field(default_factory=dict)
    level: int | None = None
    mos: float | None = None
    reference: Path | None = None
    kind: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels that are present, sorted; none for a clean picture."""
        return tuple(sorted(self.severities))

    @property
    def clean(self) -> bool:
        return not self.severities


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A dataset: `name` of its kind ("kadid10k" ...), its `labels` in their order, its records sorted by path.

    `notes` says, a line each, what was left out or read differently from the dataset's own labels, and why;
    `left_out` are the files that are part of the dataset and no record on purpose; `unread` pictures that lie among the
    records and cannot be read here. `mos_lower_better`: its scores are of differences (DMOS) and rise with the damage.
    """

    name: str
    folder: Path
    labels: tuple[str, ...]
    records: tuple[Record, ...]
    notes: tuple[str, ...] = ()
    left_out: tuple[Path, ...] = ()
    unread: tuple[Unread, ...] = ()
    mos_lower_better: bool = False
