"""Frame results completed by the answers of the temporal heads, which need the frames around each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from distortion_heads.heads.families import families_of
from distortion_heads.video.answers import FrameResult
from distortion_heads.views.runs import Runs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from distortion_heads.pipeline import Predictor


class TemporalJudge:
    """A queue of frame results that gives them back complete, later by half a run (see `Runs`).

    Where no temporal head is in use, they pass through at once.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._runs: Runs[FrameResult] = Runs()

    def add(self, result: FrameResult) -> Iterator[FrameResult]:
        if result.features is None:
            yield result
        else:
            yield from self._judged(self._runs.add(result.time, result.features, result))

    def finish(self) -> Iterator[FrameResult]:
        """Yield the rest: there are no more frames."""
        return self._judged(self._runs.finish())

    def _judged(self, known: Iterable[tuple[FrameResult, NDArray[np.float32]]]) -> Iterator[FrameResult]:
        for result, run in known:
            heads = (*result.prediction.heads, *self._predictor.judge_run(run))
            prediction = replace(result.prediction, heads=heads, families=families_of(heads))
            yield replace(result, prediction=prediction, features=None)
