"""Frames to answers, in order: decoding in a thread beside inference, which runs on several frames at a time.

Not by `threads.ordered`: a live stream may be silent, and what is known of it must come out meanwhile.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING

from distortion_heads._system.threads import helpers, usable_cores
from distortion_heads.io.video.growing import Lag
from distortion_heads.io.video.options import Frame
from distortion_heads.video.answers import FrameResult

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from distortion_heads.pipeline import Predictor

AHEAD = 2
"""Decoded frames that wait, for each worker."""


class FrameRun:
    """An iterable of results, to be used once; at most `workers` * (1 + `AHEAD`) frames are in memory.

    With `max_lag`, frames are dropped while answers are more than that many seconds behind the stream; `dropped` counts
    them. `on_leave` is called at the end, to wake a source that waits. An exception of `frames` or of the predictor is
    raised where its result would have come.
    """

    def __init__(
        self,
        predictor: Predictor,
        frames: Iterable[Frame],
        workers: int | None = None,
        *,
        max_lag: float | None = None,
        most_windows: int | None = None,
        on_leave: Callable[[], None] = lambda: None,
    ) -> None:
        self._predictor, self._frames, self._max_lag = predictor, frames, max_lag
        self._most_windows, self._on_leave = most_windows, on_leave
        self._workers = workers or usable_cores()
        # not a semaphore, whose lock Ctrl-C may leave taken
        self._places: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(self._workers * (1 + AHEAD)):
            self._places.put(None)
        self._results: queue.SimpleQueue[Future[FrameResult] | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self.dropped = 0

    def __iter__(self) -> Iterator[FrameResult]:
        with helpers(self._workers, "frames") as pool:
            # A daemon: it may wait for a pipe that says nothing more.
            feeder = threading.Thread(target=self._feed, args=(pool,), daemon=True, name="dheads-decode")
            feeder.start()
            try:
                while (answer := self._results.get()) is not None:
                    result = answer.result()
                    self._places.put(None)
                    yield result
            finally:
                self._stopped.set()
                self._places.put(None)
                self._on_leave()
                feeder.join(timeout=1.0)

    def _feed(self, pool: ThreadPoolExecutor) -> None:
        lag = Lag()
        try:
            for frame in self._frames:
                if self._max_lag is not None and lag.behind(frame.time) > self._max_lag:
                    self.dropped += 1
                    continue
                self._places.get()
                if self._stopped.is_set():
                    return
                self._results.put(pool.submit(self._one, frame))
        except BaseException as error:
            failed: Future[FrameResult] = Future()
            failed.set_exception(error)
            self._results.put(failed)
        self._results.put(None)

    def _one(self, frame: Frame) -> FrameResult:
        prediction, features = self._predictor.predict_frame(
            frame.pixels, most_windows=self._most_windows, frame_index=frame.index
        )
        return FrameResult(
            index=frame.index, time=frame.time, prediction=prediction, features=features, key_frame=frame.key_frame
        )
