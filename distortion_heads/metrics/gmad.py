"""Group maximum differentiation (Ma et al. 2020): a scorer looks for pictures that another one wrongly calls equal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from distortion_heads.metrics.equalize import fit_equalizer

LEVELS = (20.0, 80.0)
"""Qualities of 100 at which pictures are equal to the defender: poor and good ones."""

WIDTH = 1.0
SUCCEEDS = 25.0
"""Points of 100 that part a pair, to its judge, before the attack counts: one of five grades of people."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """The pair that the attacker parts most among pictures of which the defender says `level`.

    `better` and `worse` are indices; `gain` says by how much the judge parts them, in the attacker's direction, and
    `claimed` by how much the attacker does; of 100 points, as the judge's.
    """

    level: float
    better: int
    worse: int
    claimed: float
    gain: float

    @property
    def succeeds(self) -> bool:
        return self.gain >= SUCCEEDS


def ranked(scores: ArrayLike) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return scores (n,), of which more is better, as their rank in the pool, 0 to 100; NaN stays NaN."""
    values = np.asarray(scores, np.float64)
    return np.asarray(100 * fit_equalizer(values[np.isfinite(values)], higher_better=True)(values), np.float64)


def attack(
    attacker: ArrayLike, defender: ArrayLike, judge: ArrayLike, *, level: float, width: float = WIDTH
) -> Attack | None:
    """Return the attack on the pictures within `width` of `level`; (n,) all, of 100 points; None of fewer than two.

    Pictures without a score, NaN, take no part.
    """
    a, d, j = (np.asarray(scores, np.float64) for scores in (attacker, defender, judge))
    among = np.flatnonzero((np.abs(d - level) <= width) & np.isfinite(a))
    if len(among) < 2:
        return None
    better, worse = int(among[a[among].argmax()]), int(among[a[among].argmin()])
    if better == worse:
        return None
    return Attack(
        level=level, better=better, worse=worse, claimed=float(a[better] - a[worse]), gain=float(j[better] - j[worse])
    )
