"""Opinions that nobody gave: several full-reference metrics as one number, 1 for a picture like its original."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from distortion_heads.metrics.reference.table import METRICS

LAI = ("ssim", "ms_ssim", "mdsi", "vsi", "fsimc", "gmsd")
"""The six metrics of Lai, Chu, Leng; FSIM with its colours."""

Scores = Mapping[str, float]


def plain_mean(names: Sequence[str], scores: Scores) -> float:
    """Return the mean of metrics, those of which less is better as 1 less the value: what Lai, Chu, Leng learn.

    The paper does not say how MDSI and GMSD, which grow with the damage, are turned round.
    """
    return float(np.mean([scores[name] if METRICS[name].higher_better else 1 - scores[name] for name in names]))


def equalized_mean(
    names: Sequence[str], scores: Sequence[Scores], maps: Mapping[str, Callable[[list[float]], NDArray[np.float64]]]
) -> NDArray[np.float64]:
    """Return the mean of metrics of pictures after the equalizer of each, float64 (n,) in [0, 1]."""
    found: NDArray[np.float64] = np.mean([maps[name]([one[name] for one in scores]) for name in names], axis=0)
    return found
