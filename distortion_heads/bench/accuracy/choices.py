"""Figures that compare heads with each other: which distortion is it, which ones are mixed, which two are confused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.accuracy.outcomes import Outcomes
from distortion_heads.metrics.scores import auroc, f1_score, mean_of


@dataclass(frozen=True, kw_only=True)
class SetFigures:
    """Sets of names (labels or families) against the sets that fire; `f1` by name, where there is anything to find.

    `exact`: share of pictures with the very same set. `micro_f1` counts all decisions alike, `macro_f1` is the mean of
    `f1`.
    """

    exact: float
    micro_f1: float | None
    macro_f1: float | None
    f1: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class MixtureFigures:
    """Figures on `n` pictures; both None if there are none. A family is there if any of its distortions is."""

    n: int
    label: SetFigures | None
    family: SetFigures | None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two distortions, alone on a picture, severities 2 to 5; shares in [0, 1].

    `told_apart`: AUROC of the difference of the two heads' logits between the two: 0.5 is guessing. `a_taken_for_b`:
    share of a's pictures on which b's head is the most probable of all; `b_fires_on_a`: above its own threshold.
    """

    a: str
    b: str
    told_apart: float | None
    a_taken_for_b: float
    b_taken_for_a: float
    b_fires_on_a: float
    a_fires_on_b: float


def top1(single: Outcomes) -> float | None:
    """Return the share of pictures whose one distortion's head is the most probable; None with fewer than two heads."""
    if len(single.labels) < 2 or not len(single):
        return None
    return float((_best(single) == _which(single)).mean())


def family_top1(single: Outcomes) -> dict[str, float | None]:
    """Return by family the share of pictures with one of its distortions whose most probable head is of it too."""
    families = np.asarray(single.families)
    true, found = families[_which(single)], families[_best(single)]
    return {name: float((found[true == name] == name).mean()) for name in np.unique(true).tolist()}


def four_choice(single: Outcomes) -> float | None:
    """Return the chance that the true type beats three others drawn at random; None with fewer than four heads.

    Exact: the mean over all draws, C(beaten, 3) / C(heads - 1, 3), so that no seed is needed. A tie counts as lost.
    """
    from scipy.special import comb

    if len(single.labels) < 4 or not len(single):
        return None
    own = single.probability[np.arange(len(single)), _which(single)]
    beaten = (single.probability < own[:, None]).sum(axis=1)
    return float((comb(beaten, 3) / comb(len(single.labels) - 1, 3)).mean())


def confusion(single: Outcomes) -> NDArray[np.int64]:
    """Return counts (H, H): true distortion by most probable head, in the order of the labels."""
    counts = np.zeros((len(single.labels), len(single.labels)), np.int64)
    if len(single):
        np.add.at(counts, (_which(single), _best(single)), 1)
    return counts


def mixture_figures(mixed: Outcomes) -> MixtureFigures:
    """Return exact match and F1 of the sets of heads that fire, by label and by family."""
    if not len(mixed):
        return MixtureFigures(n=0, label=None, family=None)
    families = tuple(sorted(set(mixed.families)))
    members = np.array([[family == name for name in families] for family in mixed.families])
    return MixtureFigures(
        n=len(mixed),
        label=set_figures(mixed.present, mixed.fires, mixed.labels),
        family=set_figures(mixed.present @ members, mixed.fires @ members, families),
    )


def set_figures(truth: NDArray[np.bool_], found: NDArray[np.bool_], names: Sequence[str]) -> SetFigures:
    """Compare two arrays (n, len(names)). A name that is neither there nor found anywhere has no F1."""
    hits, missed, alarms = ((x & y).sum(axis=0) for x, y in ((truth, found), (truth, ~found), (~truth, found)))
    each = (f1_score(*counts) for counts in zip(hits.tolist(), missed.tolist(), alarms.tolist(), strict=True))
    by_name = {name: value for name, value in zip(names, each, strict=True) if value is not None}
    return SetFigures(
        exact=float((truth == found).all(axis=1).mean()),
        micro_f1=f1_score(int(hits.sum()), int(missed.sum()), int(alarms.sum())),
        macro_f1=mean_of(list(by_name.values())),
        f1=by_name,
    )


def confused_pairs(single: Outcomes) -> tuple[Pair, ...]:
    """Return the pairs of heads that both have pictures, those taken for each other most often first."""
    own, best = _which(single), _best(single)
    clipped = np.clip(single.probability, 1e-15, 1 - 1e-15)
    logits = np.log(clipped) - np.log1p(-clipped)
    pairs = []
    for a, b in combinations(range(len(single.labels)), 2):
        of_a, of_b = own == a, own == b
        if of_a.any() and of_b.any():
            lead = logits[:, a] - logits[:, b]
            pair = Pair(
                a=single.labels[a],
                b=single.labels[b],
                told_apart=auroc(lead[of_a], lead[of_b]),
                a_taken_for_b=float((best[of_a] == b).mean()),
                b_taken_for_a=float((best[of_b] == a).mean()),
                b_fires_on_a=float(single.fires[of_a, b].mean()),
                a_fires_on_b=float(single.fires[of_b, a].mean()),
            )
            pairs.append(pair)
    return tuple(sorted(pairs, key=lambda pair: -(pair.a_taken_for_b + pair.b_taken_for_a)))


def _which(single: Outcomes) -> NDArray[np.intp]:
    """Return the column of the one distortion of each picture, (n,)."""
    which: NDArray[np.intp] = single.truth.argmax(axis=1)
    return which


def _best(single: Outcomes) -> NDArray[np.intp]:
    """Return the column of the most probable head, the first of equals, (n,)."""
    best: NDArray[np.intp] = single.probability.argmax(axis=1)
    return best
