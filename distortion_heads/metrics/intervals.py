"""How far a figure may be off, as it was measured on few scenes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.metrics.scores import auroc, average_precision, precision_recall_f1

Interval: TypeAlias = tuple[float, float]

DRAWS = 500
LEVEL = 0.95
_Z = 1.959964


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """A head fired on `fired` of `total` pictures that it should be silent on."""

    fired: int
    total: int

    @property
    def share(self) -> float | None:
        return self.fired / self.total if self.total else None

    @property
    def interval(self) -> Interval | None:
        return share_interval(self.fired, self.total)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Intervals of 95 % of a head's figures, and its alarms on clean pictures and on those with other distortions."""

    auroc: Interval | None
    ap: Interval | None
    f1: Interval | None
    clean: Alarms
    others: Alarms


def spread_of(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.bool_],
    clean: NDArray[np.bool_],
    others: NDArray[np.bool_],
    scenes: NDArray[np.int64],
    threshold: float,
) -> Spread:
    """Return the intervals of the figures without `others`, and the alarms at `threshold`; arrays (n,).

    `scenes` as `bootstrap` takes them.
    """
    fires, given = probabilities >= threshold, np.flatnonzero(~others)

    def interval(figure: Callable[[NDArray[np.int64]], float | None]) -> Interval | None:
        return bootstrap(lambda drawn: figure(given[drawn]), scenes[given])

    def ranked(score: Callable[..., float | None]) -> Interval | None:
        return interval(lambda i: score(probabilities[i][labels[i]], probabilities[i][~labels[i]]))

    return Spread(
        auroc=ranked(auroc),
        ap=ranked(average_precision),
        f1=interval(lambda i: precision_recall_f1(labels[i], fires[i])[2]),
        clean=Alarms(fired=int((fires & clean).sum()), total=int(clean.sum())),
        others=Alarms(fired=int((fires & others).sum()), total=int(others.sum())),
    )


TELLS = 0.8
"""AUROC on the pictures that were given, below which the answers say nothing of others."""

SAME_KIND, SAME_FAMILY, FEWEST = 0.6, 0.75, 3
"""AUROC of the positives against a kind, or a whole family, below which they are taken for the same; of how many."""


def taken_for_same(
    answers: NDArray[np.float64], labels: NDArray[np.bool_], kinds: Sequence[tuple[str, str] | None]
) -> tuple[str, ...]:
    """Return the families of negatives that the positives cannot be told from; `kinds` (n,): kind and family, or None.

    `answers` (n,) are those of heads that did not see the picture; if they hardly tell the negatives that were given
    from the positives, nothing is taken for the same.
    """
    families: set[str] = set()
    given = [index for index, kind in enumerate(kinds) if kind is None and not labels[index]]
    if (auroc(answers[labels], answers[given]) or 0.0) < TELLS:
        return ()
    for part, limit in ((0, SAME_KIND), (1, SAME_FAMILY)):
        groups: dict[str, list[int]] = defaultdict(list)
        for index, kind in enumerate(kinds):
            if kind is not None:
                groups[kind[part]].append(index)
        for members in groups.values():
            told = auroc(answers[labels], answers[members])
            first = kinds[members[0]]
            if len(members) >= FEWEST and told is not None and told < limit and first is not None:
                families.add(first[1])
    return tuple(sorted(families))


def bootstrap(
    figure: Callable[[NDArray[np.int64]], float | None], scenes: NDArray[np.int64], seed: int = 0
) -> Interval | None:
    """Return the percentile interval of 95 % of `figure(indices)`, whole scenes drawn with replacement (Efron 1979).

    `scenes` (n,) numbers the scene of each picture. None where the figure could never be measured.
    """
    _, scene = np.unique(scenes, return_inverse=True)
    members = np.split(np.argsort(scene, kind="stable"), np.cumsum(np.bincount(scene))[:-1])
    rng = np.random.default_rng(seed)
    draws = (rng.integers(len(members), size=len(members)) for _ in range(DRAWS))
    values = [figure(np.concatenate([members[i] for i in drawn])) for drawn in draws]
    measured = [value for value in values if value is not None]
    if not measured:
        return None
    low, high = np.quantile(measured, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return round(float(low), 5), round(float(high), 5)


def share_interval(hits: int, total: int) -> Interval | None:
    """Return the interval of 95 % of a share (Wilson 1927), which is wide at 0 of few too; None of none."""
    if total == 0:
        return None
    p, z = hits / total, _Z**2 / total
    middle, spread = p + z / 2, _Z * float(np.sqrt(p * (1 - p) / total + z / (4 * total)))
    return round(max((middle - spread) / (1 + z), 0.0), 5), round(min((middle + spread) / (1 + z), 1.0), 5)
