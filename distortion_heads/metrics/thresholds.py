"""Choose the threshold of one head, or those of many so that few clean pictures have any alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads.head import Threshold

GRID = np.round(np.linspace(0.02, 0.98, 193), 3)
ALARMS_TO_COUNT = 3
"""Alarms that the limit must allow before a share is trusted as it was counted."""

WORTH = 0.75
"""Share of F1 that caution leaves."""

PRICES = np.concatenate([[0.0], np.geomspace(0.5, 1000.0, 60)])
"""Prices in F1 of a false alarm on every clean picture, tried from the cheapest."""

Floats: TypeAlias = NDArray[np.float64]

Groups: TypeAlias = Sequence[tuple[Floats, float]]
"""Probabilities (heads, m) for pictures without a fault, and the share of them that may fire."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Shares that may fire at most: of the clean images, and of those that are neither clean nor positive.

    `cautious`: where few images are clean, as many may be expected to fire of other clean images too, by these alone
    and by all that are not positive, if that costs at most a quarter of F1.
    """

    clean: float | None = None
    others: float | None = None
    cautious: bool = False


NO_LIMITS = Limits()


def choose_threshold(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.bool_],
    clean: NDArray[np.bool_],
    limits: Limits = NO_LIMITS,
) -> Threshold:
    """Return the threshold with the highest F1 within the limits, in the middle of its plateau; arrays (n,)."""
    f1, _ = _curves(probabilities, labels, clean)
    allowed, said = np.ones(len(GRID), bool), []
    for name, mask, most in (("clean", clean, limits.clean), ("others", ~labels & ~clean, limits.others)):
        if most is not None and mask.any():
            allowed &= _curves(probabilities, labels, mask)[1] <= most
            said.append(f"on {name} <= {most:g}")
    objective = f"f1 with false alarms {' and '.join(said)}" if said else "f1"
    if not allowed.any():
        return Threshold(value=float(GRID[-1]), objective=objective)
    value = float(GRID[_middle_of_best(np.where(allowed, f1, -1.0))])
    if limits.cautious and limits.clean is not None and 2 < clean.sum() < ALARMS_TO_COUNT / limits.clean:
        among = labels | clean
        f1, _ = _curves(probabilities[among], labels[among], clean[among])
        worth = GRID[(value <= GRID) & (f1 >= WORTH * f1[np.searchsorted(GRID, value)])]
        expected = max(_expected(probabilities[clean], limits.clean), _conformal(probabilities[~labels], limits.clean))
        value = max(value, min(expected, float(worth[-1])))
    return Threshold(value=round(value, 3), objective=objective)


def _expected(probabilities: NDArray[np.float64], share: float) -> float:
    """Return the limit that `share` of other images like these is expected to reach, at most the end of the grid.

    The quantile of the prediction of one more from a normal distribution of the logits (Student's t): of 29 images the
    largest says little of the fiftieth.
    """
    from scipy.stats import t

    n, p = len(probabilities), np.clip(probabilities, 1e-6, 1 - 1e-6)
    logits = np.log(p / (1 - p))
    bound = logits.mean() + t.ppf(1 - share, n - 1) * logits.std(ddof=1) * np.sqrt(1 + 1 / n)
    return min(float(1 / (1 + np.exp(-bound))), float(GRID[-1]))


def _conformal(probabilities: NDArray[np.float64], share: float) -> float:
    """Return the limit that at most `share` of other images are expected to reach, if they are like these, any shape.

    The quantile of split conformal prediction (Papadopoulos et al. 2002), its correction for few images included; 0
    where they are too few to say anything.
    """
    place = int(np.ceil((len(probabilities) + 1) * (1 - share)))
    if place > len(probabilities):
        return 0.0
    return min(float(np.nextafter(np.sort(probabilities)[place - 1], 1)), float(GRID[-1]))


def choose_together(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.bool_],
    clean: NDArray[np.bool_],
    max_any: float,
    floors: NDArray[np.float64] | None = None,
    others: Groups = (),
) -> tuple[Threshold, ...]:
    """Return one threshold per head: the highest sum of F1 at which at most `max_any` of the clean pictures fire any.

    No threshold lies at or below its head's place in `floors` (heads,), if that is given. `others` are groups of
    further pictures without a fault, (heads, m) each, with limits of their own. Every head pays the same price for a
    false alarm (a Lagrange multiplier), on a clean picture or in the group where it has most. What that leaves of the
    limits goes to whichever head gains most by it, one after the other. `probabilities` and `labels` (heads, n),
    `clean` (n,).
    """
    curves = [_curves(p, present, clean) for p, present in zip(probabilities, labels, strict=True)]
    f1, alarms = np.stack([f1 for f1, _ in curves]), np.stack([on for _, on in curves])
    if floors is not None:
        f1 = np.where(np.minimum(floors, GRID[-2])[:, None] < GRID, f1, -1.0)
    groups = ((probabilities[:, clean], max_any), *others)
    everywhere = np.maximum.reduce([alarms, *((group[:, None] >= GRID[:, None]).mean(2) for group, _ in others)])
    payable = (alarms, everywhere) if others else (alarms,)
    found = [_use_up(_at_a_price(f1, paid, groups), f1, groups) for paid in payable]
    heads = np.arange(len(f1))
    values = max(found, key=lambda v: (_within(v, groups), f1[heads, np.searchsorted(GRID, v)].sum()))
    objective = f"f1 of all heads with false alarms of any on clean <= {max_any:g}"
    objective += "" if floors is None else ", none on pictures clean to the eye"
    return tuple(Threshold(value=float(value), objective=objective) for value in values)


def _at_a_price(f1: Floats, alarms: Floats, groups: Groups) -> Floats:
    """Return the thresholds of highest F1 less the lowest price of `alarms` at which every group keeps its limit."""
    values = np.full(len(f1), GRID[-1])
    for price in PRICES:
        values = np.array([GRID[_middle_of_best(gain)] for gain in f1 - price * alarms])
        if _within(values, groups):
            break
    return values


def _within(values: Floats, groups: Groups) -> bool:
    return all((group >= values[:, None]).any(0).mean() <= most for group, most in groups)


def _use_up(values: Floats, f1: Floats, groups: Groups) -> Floats:
    """Change one threshold at a time, the one that adds most to the sum of F1, while every group keeps its limit."""
    places = np.searchsorted(GRID, values)
    alarms = [(group[:, None, :] >= GRID[None, :, None], most) for group, most in groups]
    while True:
        allowed = np.ones_like(f1, bool)
        for fire, most in alarms:
            fires = fire[np.arange(len(places)), places]
            others = fires.sum(0)[None] - fires > 0
            allowed &= (fire | others[:, None]).mean(2) <= most
        gains = np.where(allowed, f1 - f1[np.arange(len(places)), places][:, None], 0.0)
        head, place = np.unravel_index(gains.argmax(), gains.shape)
        if gains[head, place] <= 0:
            return GRID[places]
        places[head] = place


def _curves(
    probabilities: NDArray[np.float64], labels: NDArray[np.bool_], clean: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return F1, and the share of clean pictures that fire, at every threshold of the grid."""
    fires = probabilities[None, :] >= GRID[:, None]
    f1 = 2 * (fires & labels).sum(1) / np.maximum(fires.sum(1) + labels.sum(), 1)
    return f1, (fires & clean).sum(1) / max(int(clean.sum()), 1)


def _middle_of_best(gain: NDArray[np.float64]) -> int:
    best = np.flatnonzero(gain >= gain.max() - 1e-12)
    runs = np.split(best, np.flatnonzero(np.diff(best) > 1) + 1)
    longest = max(runs, key=len)
    return int(longest[len(longest) // 2])
