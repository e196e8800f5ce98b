"""Tests of scores of quality that need no ratings: D-, L- and P-test (Ma et al. 2017). In all, more is better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from distortion_heads.metrics.correlation import srocc

DISCRIMINABLE = 40.0
"""Points of 100 by which all judges must part two pictures before a scorer is asked which one is better."""

PAIRS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Told:
    """The best threshold between pristine and distorted pictures, and the mean of the shares it gets right."""

    share: float
    threshold: float


def d_test(pristine: ArrayLike, distorted: ArrayLike) -> Told:
    """Return how well one threshold parts pristine from distorted pictures: the mean of both shares, .5 to 1.

    Raises `ValueError` if there are none of either.
    """
    clean, bad = (np.sort(np.asarray(scores, np.float64).ravel()) for scores in (pristine, distorted))
    if not (clean.size and bad.size):
        raise ValueError("the D-test needs pristine and distorted pictures")
    values = np.unique(np.concatenate([clean, bad]))
    cuts = np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2, [values[-1] + 1]])
    above = 1 - np.searchsorted(clean, cuts, "right") / clean.size
    below = np.searchsorted(bad, cuts, "right") / bad.size
    shares = (above + below) / 2
    best = int(shares.argmax())
    return Told(share=float(shares[best]), threshold=float(cuts[best]))


def l_test(series: ArrayLike) -> NDArray[np.float64]:
    """Return for each series of one picture at rising levels how well the scores fall: -SROCC with the level.

    `series` (n, levels); the answer is float64 (n,), 0 for a series of equal scores. The test is the mean.
    """
    scores = np.asarray(series, np.float64)
    levels = -np.arange(scores.shape[1], dtype=np.float64)
    return np.array([srocc(levels, row) or 0.0 for row in scores], np.float64)


def discriminable_pairs(
    judges: ArrayLike, least: float = DISCRIMINABLE, *, pairs: int = PAIRS, seed: int = 0
) -> NDArray[np.int64]:
    """Return pairs (m, 2) of pictures, the better one first, that every judge parts by `least` in one direction.

    `judges` (judges, n) on one scale, as 0 to 100. `pairs` are drawn, of which those that judges part are kept; each
    once.
    """
    scores = np.asarray(judges, np.float64)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(scores.shape[1], size=(pairs, 2))
    gain = scores[:, drawn[:, 0]] - scores[:, drawn[:, 1]]
    better, worse = (gain >= least).all(0), (gain <= -least).all(0)
    found = np.concatenate([drawn[better], drawn[worse][:, ::-1]])
    return np.unique(found, axis=0) if len(found) else np.empty((0, 2), np.int64)


def p_test(scores: ArrayLike, pairs: NDArray[np.int64]) -> float | None:
    """Return the share of `pairs` (m, 2), the better one first, that `scores` (n,) order alike; equal ones are wrong.

    None without pairs.
    """
    values = np.asarray(scores, np.float64)
    return float((values[pairs[:, 0]] > values[pairs[:, 1]]).mean()) if len(pairs) else None
