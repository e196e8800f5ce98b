"""Figures with 95 % intervals: pictures are drawn again, with all that was made of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 1000


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure over `n` answers, and where it lies in 95 % of the draws of pictures."""

    value: float
    low: float
    high: float
    n: int


def ratio(hits: ArrayLike, out_of: ArrayLike, picture: NDArray[np.int64], n: int | None = None) -> Estimate | None:
    """Return the sum of `hits` by the sum of `out_of`, each by row; `picture` says whose row it is.

    None if there is nothing to divide by. `n`: how many answers (default: rows).
    """
    names, owner = np.unique(picture, return_inverse=True)
    above = np.bincount(owner, np.asarray(hits, float), len(names))
    below = np.bincount(owner, np.asarray(out_of, float), len(names))
    if below.sum() == 0:
        return None
    weights = _weights(len(names))
    total = weights @ below
    drawn = (weights @ above)[total > 0] / total[total > 0]
    return _estimate(above.sum() / below.sum(), drawn, len(picture) if n is None else n)


def share_of(hits: ArrayLike, picture: NDArray[np.int64]) -> Estimate | None:
    """Return the share of rows that are true."""
    return ratio(hits, np.ones(len(picture)), picture)


def micro_f1(truth: NDArray[np.bool_], found: NDArray[np.bool_], picture: NDArray[np.int64]) -> Estimate | None:
    """Return F1 over all cells of bool (n, families)."""
    hits, total = 2 * (truth & found).sum(axis=1), truth.sum(axis=1) + found.sum(axis=1)
    return ratio(hits, total, picture)


def ranked(scores: NDArray[np.float64], positive: NDArray[np.bool_], picture: NDArray[np.int64]) -> Estimate | None:
    """Return the chance that a positive scores above a negative; None without either. Ties count half."""
    if not positive.any() or positive.all():
        return None
    names, owner = np.unique(picture, return_inverse=True)
    wins = np.zeros((len(names), len(names)))
    high = [np.sort(scores[positive & (owner == i)]) for i in range(len(names))]
    low = [np.sort(scores[~positive & (owner == i)]) for i in range(len(names))]
    for i, j in np.ndindex(wins.shape):
        if len(high[i]) and len(low[j]):
            below = np.searchsorted(low[j], high[i], "left") + np.searchsorted(low[j], high[i], "right")
            wins[i, j] = below.sum() / 2
    highs, lows = np.array([len(part) for part in high]), np.array([len(part) for part in low])
    weights = _weights(len(names))
    total = (weights @ highs) * (weights @ lows)
    drawn = np.einsum("di,ij,dj->d", weights, wins, weights, optimize=True)[total > 0] / total[total > 0]
    return _estimate(wins.sum() / (highs.sum() * lows.sum()), drawn, len(scores))


def estimate_text(estimate: Estimate | None) -> str:
    """Return the figure with its interval, or a dash."""
    if estimate is None:
        return "–"
    return f"{estimate.value:.3f} ({estimate.low:.2f} to {estimate.high:.2f})"


@lru_cache(maxsize=8)
def _weights(pictures: int) -> NDArray[np.float64]:
    """Return how often each picture is drawn, (draws, pictures): the same for every figure."""
    rng = np.random.default_rng(0)
    return rng.multinomial(pictures, np.full(pictures, 1 / pictures), size=DRAWS).astype(float)


def _estimate(value: float, drawn: NDArray[np.float64], n: int) -> Estimate:
    low, high = np.quantile(drawn, (0.025, 0.975)) if len(drawn) else (value, value)
    return Estimate(value=float(value), low=float(low), high=float(high), n=n)
