"""Answers for mixtures -> sets of families, and how many labels change because something cannot be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.shared.intervals import Estimate, micro_f1, ranked, ratio, share_of
from distortion_heads.synthesis.visibility import seen_from


@dataclass(frozen=True, kw_only=True, eq=False)
class MixtureOutcomes:
    """`n` mixtures: what is seen of each fault (n, families), NaN where there is none, and what was said of each.

    `picture` int64 (n,): which picture each is made of.
    """

    families: tuple[str, ...]
    picture: NDArray[np.int64]
    loss: NDArray[np.float64]
    probability: NDArray[np.float64]
    found: NDArray[np.bool_]

    @classmethod
    def of(cls, families: tuple[str, ...], answers: Sequence[Mapping[str, NDArray[np.generic]]]) -> MixtureOutcomes:
        """Put the answers for the mixtures of each picture together."""
        return cls(
            families=families,
            picture=np.repeat(np.arange(len(answers)), [len(answer["loss"]) for answer in answers]),
            loss=np.concatenate([answer["loss"] for answer in answers]),
            probability=np.concatenate([answer["probability"] for answer in answers]),
            found=np.concatenate([answer["present"] for answer in answers]).astype(bool),
        )

    @property
    def drawn(self) -> NDArray[np.bool_]:
        """(n, families): which families were put on the picture."""
        return np.isfinite(self.loss)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(n, families): which of them can be seen in the end."""
        limits = np.array([seen_from(family) for family in self.families])
        return self.drawn & (np.nan_to_num(self.loss) >= limits)


@dataclass(frozen=True, kw_only=True)
class Sets:
    """Sets of families of the mixtures in which so many are seen; faults that are not seen count neither way."""

    seen: str
    n: int
    exact: Estimate | None
    found: Estimate | None
    f1: Estimate | None


@dataclass(frozen=True, kw_only=True)
class FamilyFigures:
    """One family: how often it was drawn, seen, found where seen; alarms where it was not drawn; AUROC of both."""

    family: str
    drawn: int
    seen: int
    found: Estimate | None
    alarms: Estimate | None
    auroc: Estimate | None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything that was measured; `changed`: the share of labels that are other ones because of what is seen."""

    mixtures: int
    labels: int
    unseen: int
    changed: float
    sets: tuple[Sets, ...]
    families: tuple[FamilyFigures, ...]


def compute_figures(outcomes: MixtureOutcomes) -> Figures:
    """Return all figures of `outcomes`."""
    drawn, seen = outcomes.drawn, outcomes.seen
    count = seen.sum(axis=1)
    rows = {"all": np.ones(len(count), bool)} | {str(n): count == n for n in range(int(drawn.sum(axis=1).max()) + 1)}
    labels, unseen = int(drawn.sum()), int((drawn & ~seen).sum())
    return Figures(
        mixtures=len(count),
        labels=labels,
        unseen=unseen,
        changed=unseen / max(labels, 1),
        sets=tuple(_sets(name, outcomes, chosen) for name, chosen in rows.items() if chosen.any()),
        families=tuple(_family(outcomes, column) for column in range(len(outcomes.families))),
    )


def _sets(name: str, outcomes: MixtureOutcomes, rows: NDArray[np.bool_]) -> Sets:
    drawn, seen, picture = outcomes.drawn[rows], outcomes.seen[rows], outcomes.picture[rows]
    found = outcomes.found[rows] & (seen | ~drawn)  # what was drawn and is not seen is neither right nor wrong
    return Sets(
        seen=name,
        n=int(rows.sum()),
        exact=share_of((found == seen).all(axis=1), picture),
        found=ratio((found & seen).sum(axis=1), seen.sum(axis=1), picture),
        f1=micro_f1(seen, found, picture),
    )


def _family(outcomes: MixtureOutcomes, column: int) -> FamilyFigures:
    drawn, seen = outcomes.drawn[:, column], outcomes.seen[:, column]
    found, known = outcomes.found[:, column], seen | ~drawn
    return FamilyFigures(
        family=outcomes.families[column],
        drawn=int(drawn.sum()),
        seen=int(seen.sum()),
        found=share_of(found[seen], outcomes.picture[seen]) if seen.any() else None,
        alarms=share_of(found[~drawn], outcomes.picture[~drawn]) if not drawn.all() else None,
        auroc=ranked(outcomes.probability[known, column], seen[known], outcomes.picture[known]),
    )
