"""Bring the scores of different metrics to one scale: the share of scores that are worse (Lin, Hosu, Saupe 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

KNOTS = 1025


@dataclass(frozen=True, kw_only=True, eq=False)
class Equalizer:
    """Maps a score to the share of the scores it was fitted on that are worse, in [0, 1]; 1 is best.

    `knots` float64 (k,) ascend strictly, of scores of which more is better; `shares` (k,) are what they map to.
    """

    knots: NDArray[np.float64]
    shares: NDArray[np.float64]
    higher_better: bool

    def __call__(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Return float64 of the shape of `scores`; beyond the ends what the ends have."""
        values = np.asarray(scores, np.float64)
        return np.asarray(np.interp(values if self.higher_better else -values, self.knots, self.shares), np.float64)


def fit_equalizer(scores: ArrayLike, *, higher_better: bool) -> Equalizer:
    """Fit to scores (n,) by at most `KNOTS` quantiles; equal scores get the middle of their shares.

    Raises `ValueError` if there are none or they are not finite.
    """
    values = np.asarray(scores, np.float64).ravel()
    if not values.size or not np.isfinite(values).all():
        raise ValueError("an equalizer needs scores, all of them finite")
    levels = np.linspace(0, 1, min(KNOTS, max(values.size, 2)))
    quantiles = np.quantile(values if higher_better else -values, levels)
    knots, first, count = np.unique(quantiles, return_index=True, return_counts=True)
    shares = (levels[first] + levels[first + count - 1]) / 2
    return Equalizer(knots=knots, shares=shares, higher_better=higher_better)
