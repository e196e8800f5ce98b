"""The figures of each scorer on all versions of all pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.quality.measure import Version
from distortion_heads.metrics.gmad import LEVELS, Attack, attack, ranked
from distortion_heads.metrics.quality_tests import d_test, discriminable_pairs, l_test, p_test
from distortion_heads.metrics.scorers import Scorer

VISIBLE = 2.0
"""Severity from which on a distorted picture counts in the D-test: milder ones may not be seen."""

JUDGES = ("ms_ssim", "vif", "gmsd")
"""The metrics whose agreement makes a pair discriminable, as in the P-test's paper."""

GRADE = 25.0
"""One grade of five in points of 100: mean opinions that far apart are told apart."""

WEAKEST = 3
WIDTHS = (1.0, 2.0, 5.0)
"""Points within which pictures are equal to a defender; a wider band is taken where a narrower holds too few."""


@dataclass(frozen=True, kw_only=True)
class Duel:
    """An attack of one scorer on another."""

    attacker: str
    defender: str
    attack: Attack


@dataclass(frozen=True, kw_only=True)
class ScorerFigures:
    """Figures of one scorer. Of `missing` versions there is no score: pairs with them, and D and L of their pictures,
    do not count.

    `d`, `l`, `p`, `p_people`: D-test at visible severities, L-test, P-test by agreement of metrics and by people's
    means. `kinds`: L-test by kind. `attacks`, `defends`: shares of gMAD attacks on others that succeed, and of others'
    that fail.
    """

    name: str
    title: str
    needs_reference: bool
    missing: int
    d: float | None = None
    l: float | None = None  # noqa: E741 - the tests are called so
    p: float | None = None
    p_people: float | None = None
    kinds: Mapping[str, float] = field(default_factory=dict)
    attacks: float | None = None
    defends: float | None = None

    @property
    def weakest(self) -> str:
        """The kinds that it orders worst, in words."""
        lowest = sorted(self.kinds.items(), key=lambda item: item[1])[:WEAKEST]
        return ", ".join(f"{label.replace('_', ' ')} {value:.2f}" for label, value in lowest)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All scorers, the pairs of both P-tests, and the duels."""

    scorers: tuple[ScorerFigures, ...]
    pairs: int
    people_pairs: int
    duels: tuple[Duel, ...]


def compute_figures(scores: NDArray[np.float64], versions: Sequence[Version], scorers: Sequence[Scorer]) -> Figures:
    """Compute from scores (pictures, versions, scorers), of which more is better; NaN is missing."""
    usable = [i for i in range(len(scorers)) if np.isfinite(scores[..., i]).any()]
    names = [scorer.name for scorer in scorers]
    flat = scores.reshape(-1, len(scorers))
    judges = [i for i in usable if names[i] in JUDGES]
    agreed = discriminable_pairs(np.stack([ranked(flat[:, i]) for i in judges])) if len(judges) == len(JUDGES) else None
    people = np.tile([GRADE * (version.mean - 1) for version in versions], len(scores))
    known = np.flatnonzero(np.isfinite(people))
    by_people = known[discriminable_pairs(people[known][None], GRADE)]
    duels = _duels(flat[known][:, usable], [names[i] for i in usable], people[known], known)
    rows = [_figures(scores[..., i], versions, scorer, agreed, by_people, duels) for i, scorer in enumerate(scorers)]
    return Figures(
        scorers=tuple(rows), pairs=0 if agreed is None else len(agreed), people_pairs=len(by_people), duels=tuple(duels)
    )


def _figures(
    scores: NDArray[np.float64],
    versions: Sequence[Version],
    scorer: Scorer,
    agreed: NDArray[np.int64] | None,
    by_people: NDArray[np.int64],
    duels: Sequence[Duel],
) -> ScorerFigures:
    missing = int(np.isnan(scores).sum())
    known = {"name": scorer.name, "title": scorer.title, "needs_reference": scorer.needs_reference}
    whole = scores[np.isfinite(scores).all(1)]
    if not len(whole):
        return ScorerFigures(**known, missing=missing)  # type: ignore[arg-type]
    visible = [i for i, version in enumerate(versions) if version.severity >= VISIBLE]
    labels = dict.fromkeys(version.label for version in versions if version.label)
    columns = {label: [i for i, version in enumerate(versions) if version.label == label] for label in labels}
    by_kind = {label: float(l_test(whole[:, at]).mean()) for label, at in columns.items()}
    attacks = [duel.attack.succeeds for duel in duels if duel.attacker == scorer.name]
    defended = [not duel.attack.succeeds for duel in duels if duel.defender == scorer.name]
    return ScorerFigures(
        **known,  # type: ignore[arg-type]
        missing=missing,
        d=d_test(whole[:, 0], whole[:, visible]).share,
        l=float(np.mean(list(by_kind.values()))),
        p=None if agreed is None else _ordered(scores.ravel(), agreed),
        p_people=_ordered(scores.ravel(), by_people),
        kinds=by_kind,
        attacks=float(np.mean(attacks)) if attacks else None,
        defends=float(np.mean(defended)) if defended else None,
    )


def _ordered(scores: NDArray[np.float64], pairs: NDArray[np.int64]) -> float | None:
    """Return the P-test on the pairs of which both have a score."""
    return p_test(scores, pairs[np.isfinite(scores[pairs]).all(1)])


def _duels(
    scores: NDArray[np.float64], names: Sequence[str], people: NDArray[np.float64], index: NDArray[np.int64]
) -> list[Duel]:
    """Let every scorer attack every other at both levels; judged by people's means, of which `index` is the version."""
    points = [ranked(scores[:, i]) for i in range(len(names))]
    duels = []
    for a, attacker in enumerate(names):
        for d, defender in enumerate(names):
            for level in LEVELS if a != d else ():
                tried = (attack(points[a], points[d], people, level=level, width=width) for width in WIDTHS)
                if (found := next((one for one in tried if one is not None), None)) is not None:
                    moved = Attack(
                        level=level,
                        better=int(index[found.better]),
                        worse=int(index[found.worse]),
                        claimed=found.claimed,
                        gain=found.gain,
                    )
                    duels.append(Duel(attacker=attacker, defender=defender, attack=moved))
    return duels
