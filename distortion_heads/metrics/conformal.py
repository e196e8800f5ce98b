"""Thresholds that hold a promised rate of false alarms on new clean pictures (split-conformal quantiles).

A promise: at most a share `rate` of new clean pictures reaches the threshold, and that is true with the probability
`confidence` over the draw of the clean pictures that it was made from. They must be drawn as the new ones will be,
each of its own; nothing is assumed of their scores (Wilks 1941; Vovk 2012, "Conditional validity of inductive conformal
predictors").
"""

from __future__ import annotations

from math import ceil, log

import numpy as np
from numpy.typing import NDArray

from distortion_heads.metrics.scores import precision_recall_f1

SHAPE_SHARE = 1 / 3
"""Share of the pictures that say what is usual for each of several heads; the others fix the quantile."""

EDGE, USUAL = 1e-7, 0.9
"""Probabilities are held this far from 0 and 1; this share of the pictures has what is usual for a head."""

NEVER = 2.0
"""A threshold that no probability reaches."""


def pictures_needed(rate: float, confidence: float, *, together: bool = False) -> int:
    """Return the fewest clean pictures from which the promise can be made; `together`: see `joint_thresholds`."""
    least = ceil(log(1 - confidence) / log(1 - rate))
    return ceil(least / (1 - SHAPE_SHARE)) + 1 if together else least


def order_for(n: int, rate: float, confidence: float) -> int:
    """Return k: beyond the k-th smallest of `n` scores lie few enough new ones; 0 where `n` pictures are too few.

    The share beyond the k-th smallest is distributed as Beta(n + 1 - k, k), or is smaller where scores are tied.
    """
    from scipy.stats import beta

    k = np.arange(1, n + 1)
    fitting = k[beta.cdf(rate, n + 1 - k, k) >= confidence]
    return int(fitting[0]) if fitting.size else 0


def threshold_for(scores: NDArray[np.float64], rate: float, confidence: float) -> float:
    """Return the lowest threshold that keeps the promise, from the probabilities (n,) of one head on clean pictures.

    An alarm is `probability >= threshold`. Raises `ValueError` for fewer pictures than `pictures_needed`.
    """
    order = order_for(len(scores), rate, confidence)
    if not order:
        raise ValueError(f"{len(scores)} pictures are too few")
    value = float(np.sort(scores)[order - 1])
    return NEVER if value >= 1 else float(np.nextafter(value, NEVER))


def joint_thresholds(
    scores: NDArray[np.float64], own: NDArray[np.float64], rate: float, confidence: float, seed: int = 0
) -> NDArray[np.float64]:
    """Return a threshold per head (heads,) so that the promise holds for an alarm of *any*; `scores` (heads, n).

    All heads move together in their logits, by one step from their `own` thresholds (heads,), or from what is usual
    for a head on pictures like these where that is higher. Pictures are split by `seed`: the one part says what is
    usual, the other how large the step is. Raises `ValueError` for too few pictures.
    """
    order = np.random.default_rng(seed).permutation(scores.shape[1])
    logits, first = _logits(scores[:, order]), int(scores.shape[1] * SHAPE_SHARE)
    if first < 1:
        raise ValueError(f"{scores.shape[1]} pictures are too few")
    start = np.maximum(_logits(own), np.quantile(logits[:, :first], USUAL, axis=1))
    highest = (logits[:, first:] - start[:, np.newaxis]).max(axis=0)
    k = order_for(len(highest), rate, confidence)
    if not k:
        raise ValueError(f"{scores.shape[1]} pictures are too few")
    # a little above, as what is rounded off must raise no alarm
    limits = start + np.sort(highest)[k - 1] + 1e-9
    ceiling = float(_logits(np.ones(1))[0])
    return np.where(limits < ceiling, 1 / (1 + np.exp(-limits)), NEVER)


def best_above(floor: float, faulty: NDArray[np.float64], clean: NDArray[np.float64]) -> float:
    """Return the threshold with the best F1 that is not below `floor`; probabilities (n,) of faulty and clean pictures.

    A promise that holds at `floor` holds at any higher threshold. The lowest of equal ones.
    """
    truth = np.concatenate([np.ones(len(faulty), bool), np.zeros(len(clean), bool)])
    scores = np.concatenate([faulty, clean])
    values = np.unique(np.concatenate([[floor], scores[scores > floor]]))
    f1 = [precision_recall_f1(truth, scores >= value)[2] for value in values]
    return float(values[int(np.argmax(f1))])


def _logits(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    held = np.clip(probabilities, EDGE, 1 - EDGE)
    return np.asarray(np.log(held / (1 - held)))
