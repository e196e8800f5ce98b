"""Successive frames -> what temporal heads read: statistics over time of each feature of the frames' overviews."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

REACH = 0.5
"""Seconds of a run on either side of its frame."""

LEAST, MOST = 2, 32
"""Frames of a run on either side of its frame, as far as the video goes, whatever their times."""

SHORTEST_RUN = 3
"""Frames from which statistics can be had."""

FLOOR = 1e-3
"""Changes of a standardised feature below this count as none: codecs leave such in frames that are the same."""

HOLD = 2
"""Successive steps of which the larger counts, so that a film of 12 pictures a second, each shown twice, does not stand
still."""

_SHIFT = 2.0
_EPSILON = 1e-6
_Item = TypeVar("_Item")
_Run = NDArray[np.float32]


MOST_HOLD = 0.5
"""Seconds that a picture may stand where pictures come slower than frames; what stands longer is frozen."""

_REPEAT, _LEAST_REPEATS = 0.15, 1 / 3
"""A step of less than this share of the run's largest is a repeat; the share of repeats that makes a lower rate."""

_PULSE, _MOST_KEYS = 0.5, 1 / 3
"""A step to a key frame of less than this share is a repeat too, the same picture coded anew; unless more of the frames
than that are key frames."""


def without_repeats(
    run: NDArray[np.float32], times: Sequence[float], key_frames: Sequence[bool] = ()
) -> NDArray[np.int64]:
    """Return the places of the different pictures in a run, (N, dim), at `times` in seconds; all where it is no matter.

    A camera that delivers fewer pictures than the file has frames, and animation on twos and threes, repeat each for a
    moment: at most `MOST_HOLD`. Where one picture stands longer, all frames count, for then it is frozen. `key_frames`
    says, where it is known, which of the frames are.
    """
    everything = np.arange(len(run))
    steps = np.abs(np.diff(run.astype(np.float64), axis=0)).mean(axis=1)
    largest = steps.max(initial=0.0)
    new = steps >= _REPEAT * largest
    if 0 < sum(key_frames) <= _MOST_KEYS * len(run):
        new &= ~(np.asarray(key_frames)[1:] & (steps < _PULSE * largest))
    if largest <= FLOOR or np.mean(~new) < _LEAST_REPEATS:
        return everything
    chosen: NDArray[np.int64] = np.concatenate([[0], np.flatnonzero(new) + 1])
    begins = np.asarray(times)[chosen]
    longest = np.diff(np.append(begins, times[-1])).max()
    return everything if longest > MOST_HOLD + _EPSILON else chosen


def run_statistics(run: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 (2 * dim,) of the features (N, dim) of N >= 3 successive frames, N being any number.

    First the activity of each feature: the mean over the run of log10 of its steps from frame to frame; it is low only
    where most of the run stands still, and a key frame that renews a still picture counts for one step among many. Then
    the unrest: log10 of the root mean square distance from the straight line through the run, which a steady change
    keeps low. Both have a floor, and 2 added, so that they lie in about [-1, 3].
    """
    values = run.astype(np.float64)
    steps = np.abs(np.diff(values, axis=0))
    width = min(HOLD, len(steps))
    held = np.max([steps[i : len(steps) - width + 1 + i] for i in range(width)], axis=0)
    activity = np.log10(held + FLOOR).mean(axis=0)
    time = np.arange(len(values)) - (len(values) - 1) / 2
    centred = values - values.mean(axis=0)
    rest = centred - np.multiply.outer(time, time @ centred / (time @ time))
    unrest = np.log10(np.sqrt(np.mean(rest**2, axis=0)) + FLOOR)
    return (np.concatenate([activity, unrest]) + _SHIFT).astype(np.float32)


class Runs(Generic[_Item]):
    """Takes frames in order of time; gives each back with its run, once that is known.

    The run of a frame: all within `REACH` seconds of it, but at least `LEAST` and at most `MOST` on either side, as
    far as the video goes. So a frame is known `REACH` seconds or `LEAST` frames after it came, whichever is later.
    Only the frames of two runs are held.
    """

    def __init__(self) -> None:
        self._frames: deque[tuple[float, NDArray[np.float32], _Item]] = deque()
        self.times: tuple[float, ...] = ()
        self.items: tuple[_Item, ...] = ()
        self._next = 0  # the first of them that has not been given back

    def add(self, time: float, features: NDArray[np.float32], item: _Item) -> Iterator[tuple[_Item, _Run]]:
        """Take a frame with its features (dim,); give what is known by it: items, and the runs of theirs, (N, dim).

        `times` and `items` are those of the run that was given last.
        """
        self._frames.append((time, features, item))
        while self._next < len(self._frames) and self._is_whole():
            yield self._pop()

    def finish(self) -> Iterator[tuple[_Item, _Run]]:
        """The video has ended: give back the rest."""
        while self._next < len(self._frames):
            yield self._pop()

    def _is_whole(self) -> bool:
        after = len(self._frames) - 1 - self._next
        far = self._frames[-1][0] - self._frames[self._next][0] >= REACH - _EPSILON
        return after >= MOST or (after >= LEAST and far)

    def _pop(self) -> tuple[_Item, _Run]:
        here, item = self._next, self._frames[self._next][2]
        first = self._edge(-1)
        members = list(self._frames)[first : self._edge(1) + 1]
        run = np.stack([features for _, features, _ in members])
        self.times, self.items = tuple(time for time, _, _ in members), tuple(item for _, _, item in members)
        for _ in range(first):  # the runs to come begin no earlier
            self._frames.popleft()
        self._next = here + 1 - first
        return item, run

    def _edge(self, side: int) -> int:
        """The index of the last frame of the run before (-1) or after (1) its frame."""
        here, last = self._next, len(self._frames) - 1
        time, edge = self._frames[here][0], here
        while 0 <= edge + side <= last and abs(edge - here) < MOST:
            if abs(edge - here) >= LEAST and abs(self._frames[edge + side][0] - time) > REACH + _EPSILON:
                break
            edge += side
        return edge
