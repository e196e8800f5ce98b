"""Frame results completed by the answers of the temporal heads, which need the frames around each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from distortion_heads.heads.bank import overflow_note
from distortion_heads.heads.families import decided, families_of
from distortion_heads.video.answers import FrameResult
from distortion_heads.views.runs import Runs, without_repeats

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
        self._judgements = 0
        self._rates: Counter[int] = Counter()  # of pictures, rounded, where they are fewer than the frames
        self._unfit: Counter[tuple[str, float]] = Counter()
        self._overflowing: set[str] = set()
        self._of_frames: dict[str, None] = {}

    def add(self, result: FrameResult) -> Iterator[FrameResult]:
        self._of_frames |= dict.fromkeys(result.prediction.notes)
        if result.features is None:
            yield result
        else:
            yield from self._judged(self._runs.add(result.time, result.features, result))

    def finish(self) -> Iterator[FrameResult]:
        """Yield the rest: there are no more frames."""
        return self._judged(self._runs.finish())

    def notes(self, frame_rate: float | None) -> tuple[str, ...]:
        """Return what a user should know of the rate of a video whose file says `frame_rate`."""
        notes = [*self._of_frames, *(f"{overflow_note(label)} over time" for label in sorted(self._overflowing))]
        if 2 * self._rates.total() > self._judgements:
            rate = self._rates.most_common(1)[0][0]
            file = "more frames" if frame_rate is None else f"a {frame_rate:.3g} frames/s file"
            notes.append(f"about {rate} different pictures per second in {file}: repeats are not taken for a freeze")
        for (label, least), count in self._unfit.items():
            if 2 * count > self._judgements:
                notes.append(f"{label} is not judged: it needs {least:g} different frames a second")
        return tuple(notes)

    def _judged(self, known: Iterable[tuple[FrameResult, NDArray[np.float32]]]) -> Iterator[FrameResult]:
        for result, run in known:
            if not result.prediction.judged:
                yield self._complete(result, run[:0], math.inf)
                continue
            times = self._runs.times
            chosen = without_repeats(run, times, [other.key_frame for other in self._runs.items])
            span = times[-1] - times[0]
            rate = (len(chosen) - 1) / span if span > 0 else math.inf
            self._judgements += 1
            if len(chosen) < len(run):
                self._rates[max(1, round(rate))] += 1
            self._unfit.update(self._predictor.unfit_for(rate).items())
            yield self._complete(result, run[chosen], rate)

    def _complete(self, result: FrameResult, run: NDArray[np.float32], rate: float) -> FrameResult:
        heads = decided((*result.prediction.heads, *self._predictor.judge_run(run, rate, self._overflowing)))
        prediction = replace(result.prediction, heads=heads, families=families_of(heads))
        return replace(result, prediction=prediction, features=None)
