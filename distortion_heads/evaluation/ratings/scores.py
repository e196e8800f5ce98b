"""Let every scorer judge every rated picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.threads import helpers
from distortion_heads.datasets.record import Record
from distortion_heads.errors import InputError
from distortion_heads.evaluation.ratings.rated import RatedPictures
from distortion_heads.io.images import load_image
from distortion_heads.metrics.blind.natural_scenes import PER_SCALE, SCALES, brisque_features
from distortion_heads.metrics.scorers import Scorer

Progress: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """Scores (n, scorers), more is better, and features of BRISQUE (n, 36); NaN where a picture has none.

    `problems`: a sentence on each file that cannot be read.
    """

    scores: NDArray[np.float64]
    features: NDArray[np.float64]
    problems: tuple[str, ...]


def judge_rated(rated: RatedPictures, scorers: Sequence[Scorer], threads: int, progress: Progress) -> Judged:
    """Judge all pictures on `threads`; `progress(done, total)` counts them."""
    progress(0, len(rated.records))
    rows = []
    with helpers(threads, "judge") as pool:
        for row in pool.map(lambda record: _judge(record, scorers), rated.records):
            rows.append(row)
            progress(len(rows), len(rated.records))
    scores, features, problems = zip(*rows, strict=True)
    return Judged(scores=np.array(scores), features=np.array(features), problems=tuple(filter(None, problems)))


def _judge(record: Record, scorers: Sequence[Scorer]) -> tuple[NDArray[np.float64], NDArray[np.float64], str | None]:
    scores, features = np.full(len(scorers), np.nan), np.full(SCALES * PER_SCALE, np.nan)
    try:
        pixels = load_image(record.path)
        reference = None if record.reference is None else load_image(record.reference)
    except InputError as error:
        return scores, features, f"{record.path.name}: {error}"
    for place, scorer in enumerate(scorers):
        with suppress(InputError):  # too small or too plain for it
            value = scorer(pixels, reference)
            scores[place] = value if scorer.higher_better else -value
    with suppress(InputError):
        features = brisque_features(pixels)
    return scores, features, None
