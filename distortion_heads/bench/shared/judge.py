"""Judge pictures by the heads and by hand-made measures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.shared.families import family_names, judged
from distortion_heads.bench.shared.handmade import handmade
from distortion_heads.pipeline import Predictor


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """Answers for `n` pictures: float64 and bool (n, families), and float64 (n, 3) of the hand-made measures."""

    probability: NDArray[np.float64]
    present: NDArray[np.bool_]
    handmade: NDArray[np.float64]


def judge_all(pictures: Iterable[NDArray[np.uint8]], predictor: Predictor) -> Judged:
    """Return the answers for at least one picture, in their order; the families are those of `family_names`."""
    families = family_names(predictor.heads)
    answers, measures = [], []
    for pixels in pictures:
        answers.append(judged(predictor.predict(pixels), families))
        measures.append(handmade(pixels))
    return Judged(
        probability=np.stack([probability for probability, _ in answers]),
        present=np.stack([present for _, present in answers]),
        handmade=np.stack(measures),
    )
