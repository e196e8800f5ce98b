"""How well scores agree with those of people: rank and linear correlation (SROCC, KRCC, PLCC) and RMSE.

In all functions more is better, in scores and human means alike: `oriented` turns round those of which less is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from distortion_heads.metrics.intervals import Interval, bootstrap

Scores: TypeAlias = NDArray[np.float64]
Curve: TypeAlias = Callable[[Scores], Scores]

FEWEST = 5
"""Pictures below which nothing is fitted or correlated."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of scores with human means; None where it is not defined, as for constant scores.

    `plcc`: as the scores are. `plcc4`, `plcc5`: after the logistic of four (VQEG) or five parameters (Sheikh et al.
    2006). `rmse`: after the latter, in the units of the human means. Intervals of 95 % draw whole scenes; that of PLCC
    keeps the fitted curve. `notes`: fits that failed.
    """

    n: int
    srocc: float | None
    krcc: float | None
    plcc: float | None
    plcc4: float | None
    plcc5: float | None
    rmse: float | None
    srocc_interval: Interval | None = None
    plcc_interval: Interval | None = None
    notes: tuple[str, ...] = ()


def oriented(scores: ArrayLike, *, higher_better: bool) -> Scores:
    """Return float64 of which more is better: as they are, or with the sign changed (DMOS, GMSD)."""
    values = np.asarray(scores, np.float64)
    return values if higher_better else -values


def agreement(predicted: ArrayLike, human: ArrayLike, scenes: ArrayLike | None = None) -> Agreement:
    """Compare `predicted` with `human`, (n,) both; `scenes` (n,) numbers scenes, for intervals.

    Raises `ValueError` for scores that are not finite or not as many.
    """
    x, y = (np.asarray(values, np.float64).ravel() for values in (predicted, human))
    if x.shape != y.shape or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("as many scores as human means are needed, all of them finite")
    if not _varies(x, y):
        return Agreement(n=len(x), srocc=None, krcc=None, plcc=None, plcc4=None, plcc5=None, rmse=None)
    four, five = fit_logistic(x, y, 4), fit_logistic(x, y, 5)
    fitted = five(x) if five else x
    intervals: tuple[Interval | None, Interval | None] = (None, None)
    if scenes is not None:
        numbers = np.unique(np.asarray(scenes), return_inverse=True)[1].astype(np.int64)
        intervals = (
            bootstrap(lambda drawn: srocc(x[drawn], y[drawn]), numbers),
            bootstrap(lambda drawn: plcc(fitted[drawn], y[drawn]), numbers),
        )
    return Agreement(
        n=len(x),
        srocc=srocc(x, y),
        krcc=krcc(x, y),
        plcc=plcc(x, y),
        plcc4=plcc(four(x), y) if four else None,
        plcc5=plcc(fitted, y) if five else None,
        rmse=float(np.sqrt(np.mean((fitted - y) ** 2))) if five else None,
        srocc_interval=intervals[0],
        plcc_interval=intervals[1],
        notes=tuple(f"the logistic of {n} parameters did not fit" for n, fit in ((4, four), (5, five)) if fit is None),
    )


def srocc(x: Scores, y: Scores) -> float | None:
    """Return Spearman's rank correlation, equal scores with mean ranks; None if one of them is constant."""
    from scipy.stats import rankdata

    return plcc(rankdata(x), rankdata(y)) if _varies(x, y, 2) else None


def krcc(x: Scores, y: Scores) -> float | None:
    """Return Kendall's tau-b, which corrects for equal scores; None if one of them is constant."""
    from scipy.stats import kendalltau

    return float(kendalltau(x, y).statistic) if _varies(x, y, 2) else None


def plcc(x: Scores, y: Scores) -> float | None:
    """Return Pearson's linear correlation; None if one of them is constant."""
    return float(np.corrcoef(x, y)[0, 1]) if _varies(x, y, 2) else None


def fit_logistic(predicted: Scores, human: Scores, parameters: Literal[4, 5]) -> Curve | None:
    """Return the logistic from scores to human means with the least squared error, or None if none is better than the mean.

    Four: (a - b) / (1 + exp(-(x - c) / |d|)) + b. Five: a (1/2 - 1 / (1 + exp(b (x - c)))) + d x + e.
    """
    from scipy.optimize import least_squares

    if not _varies(predicted, human):
        return None
    middle, spread = float(predicted.mean()), float(predicted.std())
    x = (predicted - middle) / spread
    rises = float(np.sign(np.corrcoef(x, human)[0, 1])) or 1.0
    reach = float(np.ptp(human))
    curve = _four if parameters == 4 else _five
    ends = (human.max(), human.min()) if rises > 0 else (human.min(), human.max())
    start = [*ends, np.median(x), 0.25] if parameters == 4 else [rises * reach, 1.0, 0.0, 0.0, human.mean()]
    found = least_squares(lambda p: curve(x, p) - human, start, x_scale="jac", max_nfev=400)
    if not np.isfinite(found.x).all() or 2 * found.cost >= np.sum((human - human.mean()) ** 2):
        return None  # on a long flat ridge it may stop early, which does no harm
    return lambda scores: curve((np.asarray(scores, np.float64) - middle) / spread, found.x)


def _four(x: Scores, p: Scores) -> Scores:
    from scipy.special import expit

    return np.asarray((p[0] - p[1]) * expit((x - p[2]) / max(abs(p[3]), 1e-9)) + p[1])


def _five(x: Scores, p: Scores) -> Scores:
    from scipy.special import expit

    return np.asarray(p[0] * (expit(p[1] * (x - p[2])) - 0.5) + p[3] * x + p[4])


def _varies(x: Scores, y: Scores, fewest: int = FEWEST) -> bool:
    return len(x) >= fewest and bool(np.ptp(x) > 0) and bool(np.ptp(y) > 0)
