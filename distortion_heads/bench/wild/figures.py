"""Answers for real pictures -> alarms and faults found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.shared.handmade import HANDMADE
from distortion_heads.bench.shared.intervals import Estimate, ranked, share_of
from distortion_heads.datasets.wild import CLEAN, UNREVIEWED, WildPicture


@dataclass(frozen=True, kw_only=True, eq=False)
class WildOutcomes:
    """`n` pictures and what was said of each: (n, families) each, and (n, 3) of the hand-made measures."""

    families: tuple[str, ...]
    pictures: tuple[WildPicture, ...]
    found: NDArray[np.bool_]
    probability: NDArray[np.float64]
    handmade: NDArray[np.float64]

    def chosen(self, state: str, group: str | None = None) -> NDArray[np.int64]:
        """Return the rows of a state, of one group or of all."""
        return np.array(
            [i for i, p in enumerate(self.pictures) if p.state == state and group in (None, p.group)], np.int64
        )


@dataclass(frozen=True, kw_only=True)
class GroupFigures:
    """Alarms on the pictures of one group and state: the share with any, and of each family that has one."""

    group: str
    n: int
    alarms: Estimate | None
    families: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault that the eye sees clearly, and whether its family is found."""

    picture: str
    group: str
    family: str
    found: bool
    probability: float
    said: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class GroupFaults:
    """How many faults the pictures of one group have that the eye sees clearly, and of how many the family is found."""

    group: str
    n: int
    found: int


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A family that is said of a picture which is clean or was not looked at."""

    picture: str
    state: str
    family: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """How well a family's probability, and the hand-made measure for it, tell faulty pictures from clean ones."""

    family: str
    faulty: int
    clean: int
    auroc: Estimate | None
    handmade: Estimate | None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything that was measured."""

    clean: tuple[GroupFigures, ...]
    unreviewed: tuple[GroupFigures, ...]
    faults: tuple[Fault, ...]
    faults_of_groups: tuple[GroupFaults, ...]
    alarms: tuple[Alarm, ...]
    rankings: tuple[Ranking, ...]


def compute_figures(outcomes: WildOutcomes) -> Figures:
    """Return all figures of `outcomes`."""
    faults = _faults(outcomes)
    return Figures(
        clean=_groups(outcomes, CLEAN),
        unreviewed=_groups(outcomes, UNREVIEWED),
        faults=tuple(faults),
        faults_of_groups=_faults_of_groups(faults),
        alarms=tuple(_alarms(outcomes)),
        rankings=tuple(_ranking(outcomes, family, i) for i, family in enumerate(HANDMADE)),
    )


def _groups(outcomes: WildOutcomes, state: str) -> tuple[GroupFigures, ...]:
    """Return each group that has such pictures, then all of them together."""
    names = sorted({picture.group for picture in outcomes.pictures if picture.state == state})
    figures = [_group(outcomes, name, outcomes.chosen(state, name)) for name in names]
    return (*figures, _group(outcomes, "all", outcomes.chosen(state)))


def _group(outcomes: WildOutcomes, name: str, rows: NDArray[np.int64]) -> GroupFigures:
    found = outcomes.found[rows]
    shares = {family: float(found[:, i].mean()) for i, family in enumerate(outcomes.families) if found[:, i].any()}
    return GroupFigures(group=name, n=len(rows), alarms=share_of(found.any(axis=1), rows), families=shares)


def _faults(outcomes: WildOutcomes) -> Sequence[Fault]:
    return [
        Fault(
            picture=picture.name,
            group=picture.group,
            family=family,
            found=bool(outcomes.found[row, column]),
            probability=float(outcomes.probability[row, column]),
            said=tuple(name for i, name in enumerate(outcomes.families) if outcomes.found[row, i]),
        )
        for row, picture in enumerate(outcomes.pictures)
        for family in picture.families
        for column in [outcomes.families.index(family)]
    ]


def _faults_of_groups(faults: Sequence[Fault]) -> tuple[GroupFaults, ...]:
    """Return each group that has faults, then all of them together."""
    groups = [(name, [fault for fault in faults if fault.group == name]) for name in sorted({f.group for f in faults})]
    return tuple(
        GroupFaults(group=name, n=len(members), found=sum(fault.found for fault in members))
        for name, members in (*groups, ("all", faults))
    )


def _alarms(outcomes: WildOutcomes) -> Sequence[Alarm]:
    return [
        Alarm(picture=picture.name, state=picture.state, family=family, probability=float(outcomes.probability[row, i]))
        for row, picture in enumerate(outcomes.pictures)
        if picture.state in (CLEAN, UNREVIEWED)
        for i, family in enumerate(outcomes.families)
        if outcomes.found[row, i]
    ]


def _ranking(outcomes: WildOutcomes, family: str, measure: int) -> Ranking:
    faulty = np.array([family in picture.families for picture in outcomes.pictures], np.bool_)
    clean = np.array([picture.state == CLEAN for picture in outcomes.pictures], np.bool_)
    rows = np.flatnonzero(faulty | clean)
    positive = faulty[rows]
    return Ranking(
        family=family,
        faulty=int(faulty.sum()),
        clean=int(clean.sum()),
        auroc=ranked(outcomes.probability[rows, outcomes.families.index(family)], positive, rows),
        handmade=ranked(outcomes.handmade[rows, measure], positive, rows),
    )
