"""Outcomes -> every figure of the bench."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from distortion_heads.bench.foreign.outcomes import Outcomes
from distortion_heads.bench.foreign.versions import AFTERWARDS, OWN_STORED, Version
from distortion_heads.bench.shared.handmade import HANDMADE
from distortion_heads.bench.shared.intervals import Estimate, micro_f1, ranked, ratio, share_of
from distortion_heads.foreign.base import CODECS, LEVELS

THREE = ("blur", "noise", "compression")
"""The families of which every benchmark has some."""


@dataclass(frozen=True, kw_only=True)
class SetFigures:
    """Sets of families of one group of versions: `exact` all of them, `exact_three` those of blur, noise, compression.

    The latter is over versions that have nothing else. `found`: the share of the families that are there.
    """

    name: str
    n: int
    exact: Estimate | None
    exact_three: Estimate | None
    found: Estimate | None
    f1: Estimate | None


@dataclass(frozen=True, kw_only=True)
class FamilyFigures:
    """One family over single operators. `auroc`: its operators against all others and the clean pictures.

    `handmade`: the same of the hand-made measure for it, if there is one; `alarms`: shares of versions without it.
    """

    family: str
    operators: int
    found: Estimate | None
    auroc: Estimate | None
    auroc_jpeg: Estimate | None
    handmade: Estimate | None
    handmade_jpeg: Estimate | None
    alarms_clean: Estimate | None
    alarms_clean_jpeg: Estimate | None
    alarms_others: Estimate | None


@dataclass(frozen=True, kw_only=True)
class OperatorFigures:
    """One operator: the share of pictures on which its family is found, by level and by what came after.

    `exact` by level, raw; `instead`: the families that are said besides, with their shares.
    """

    operator: str
    family: str
    found: Mapping[str, float | None]
    exact: Mapping[str, float | None]
    instead: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class OwnFigures:
    """Our own distortions at severity 4, stored in one way: the share whose family is found."""

    stored: str
    found: Estimate | None
    exact: Estimate | None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything that was measured; `clean`: the share of clean pictures with an alarm, raw and as JPEG."""

    pictures: int
    versions: int
    sets: tuple[SetFigures, ...]
    families: tuple[FamilyFigures, ...]
    operators: tuple[OperatorFigures, ...]
    clean: Mapping[str, Estimate | None]
    own: tuple[OwnFigures, ...]


def compute_figures(outcomes: Outcomes) -> Figures:
    """Return all figures of `outcomes`."""
    clean = {
        name: share_of(chosen.found.any(axis=1), chosen.picture)
        for name, stored in _STORED.items()
        for chosen in [outcomes.where(_is("clean", stored=stored))]
    }
    own = {name: outcomes.where(_is("own", stored=quality)) for name, quality in OWN_STORED.items()}
    return Figures(
        pictures=len(np.unique(outcomes.picture)),
        versions=len(outcomes.versions),
        sets=_all_sets(outcomes),
        families=tuple(_family(outcomes, family) for family in outcomes.families),
        operators=_operators(outcomes.where(_is("single"))),
        clean=clean,
        own=tuple(
            OwnFigures(stored=name, found=set_figures("", chosen).found, exact=set_figures("", chosen).exact)
            for name, chosen in own.items()
            if chosen.versions
        ),
    )


def set_figures(name: str, outcomes: Outcomes) -> SetFigures:
    """Return the figures of the sets of families in `outcomes`."""
    truth, found, picture = outcomes.truth, outcomes.found, outcomes.picture
    three = outcomes.columns(THREE)
    alone = truth[:, three].any(axis=1) & (truth.sum(axis=1) == truth[:, three].sum(axis=1))
    exact_three = (truth[:, three] == found[:, three]).all(axis=1)[alone]
    return SetFigures(
        name=name,
        n=len(outcomes.versions),
        exact=share_of((truth == found).all(axis=1), picture),
        exact_three=share_of(exact_three, picture[alone]),
        found=ratio((truth & found).sum(axis=1), truth.sum(axis=1), picture),
        f1=micro_f1(truth, found, picture),
    )


_ANY = object()
_STORED: Mapping[str, int | None] = {"raw": None, f"JPEG {AFTERWARDS}": AFTERWARDS}


def _is(kind: str, *, level: object = _ANY, stored: object = _ANY, size: object = _ANY) -> Callable[[Version], bool]:
    wanted = {"level": level, "stored": stored, "size": size}
    return lambda v: (
        v.kind == kind and all(value is _ANY or getattr(v, name) == value for name, value in wanted.items())
    )


def _all_sets(outcomes: Outcomes) -> tuple[SetFigures, ...]:
    """Singles as they are and as JPEG (the same operators, no codecs), pairs, and singles at other sizes."""
    groups: dict[str, Outcomes] = {}
    single = outcomes.where(_is("single"))
    for level, word in enumerate(LEVELS):
        groups[f"single, {word}"] = single.where(_is("single", level=level, stored=None))
    groups["single, both"] = single.where(_is("single", stored=None))
    without_codecs = single.where(lambda version: CODECS not in version.families)
    for level, word in enumerate(LEVELS):
        for name, stored in _STORED.items():
            groups[f"no codec, {word}, {name}"] = without_codecs.where(_is("single", level=level, stored=stored))
    for name, stored in _STORED.items():
        groups[f"no codec, both, {name}"] = without_codecs.where(_is("single", stored=stored))
    for level, word in enumerate(LEVELS):
        groups[f"pair, {word}"] = outcomes.where(_is("pair", level=level))
    groups["pair, both"] = outcomes.where(_is("pair"))
    for size in sorted({version.size for version in outcomes.versions if version.size is not None}):
        groups[f"single, longer side {size}"] = outcomes.where(
            lambda version, size=size: version.size == size and bool(version.names)  # type: ignore[misc]
        )
    return tuple(set_figures(name, chosen) for name, chosen in groups.items() if chosen.versions)


def _family(outcomes: Outcomes, family: str) -> FamilyFigures:
    column = outcomes.families.index(family)
    raw = outcomes.where(lambda v: v.kind in ("single", "clean") and v.stored is None)
    stored = outcomes.where(lambda v: v.kind in ("single", "clean") and v.stored is not None)
    mine = raw.truth[:, column]
    others = raw.rows(~mine).where(_is("single"))

    def auroc(chosen: Outcomes, measured: int | None = None) -> Estimate | None:
        scores = chosen.probability[:, column] if measured is None else chosen.handmade[:, measured]
        return ranked(scores, chosen.truth[:, column], chosen.picture)

    def alarms(chosen: Outcomes) -> Estimate | None:
        return share_of(chosen.found[:, column], chosen.picture)

    by_hand = list(HANDMADE).index(family) if family in HANDMADE else None
    return FamilyFigures(
        family=family,
        operators=len({version.names for version in raw.rows(mine).versions}),
        found=alarms(raw.rows(mine)),
        auroc=auroc(raw),
        auroc_jpeg=auroc(stored),
        handmade=None if by_hand is None else auroc(raw, by_hand),
        handmade_jpeg=None if by_hand is None else auroc(stored, by_hand),
        alarms_clean=alarms(raw.where(_is("clean"))),
        alarms_clean_jpeg=alarms(stored.where(_is("clean"))),
        alarms_others=alarms(others),
    )


def _operators(single: Outcomes) -> tuple[OperatorFigures, ...]:
    names = dict.fromkeys(version.names[0] for version in single.versions)
    return tuple(_operator(name, single.where(lambda v, name=name: v.names == (name,))) for name in names)  # type: ignore[misc]


def _operator(name: str, mine: Outcomes) -> OperatorFigures:
    family = mine.versions[0].families[0]
    column = mine.families.index(family)
    found: dict[str, float | None] = {}
    exact: dict[str, float | None] = {}
    for level, word in enumerate(LEVELS):
        for after, stored in _STORED.items():
            chosen = mine.where(_is("single", level=level, stored=stored))
            found[f"{word}, {after}"] = float(chosen.found[:, column].mean()) if chosen.versions else None
        chosen = mine.where(_is("single", level=level, stored=None))
        exact[word] = float((chosen.found == chosen.truth).all(axis=1).mean()) if chosen.versions else None
    raw = mine.where(_is("single", stored=None))
    besides = Counter({f: float(raw.found[:, i].mean()) for i, f in enumerate(raw.families) if i != column})
    instead = {f: value for f, value in besides.most_common(3) if value >= 0.05}
    return OperatorFigures(operator=name, family=family, found=found, exact=exact, instead=instead)
