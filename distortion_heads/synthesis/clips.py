"""Clean clips to clips distorted over known intervals, frame by frame: memory does not grow with their length.

The parameters of a distortion are drawn once per clip (`distort_frame`). All frames are coded alike, inside and outside
of the intervals, at their times; sound is left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads.errors import DataError, DheadsError, InputError, PluginError
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.io.video.clock import FALLBACK_RATE
from distortion_heads.io.video.encode import Coding, Encoded, encode_video
from distortion_heads.io.video.options import Frame, VideoOptions, VideoSource
from distortion_heads.io.video.reader import open_video
from distortion_heads.io.video.sampling import parse_time
from distortion_heads.synthesis.distort import Step, check_made, distort_frame, in_physical_order
from distortion_heads.synthesis.plan import SpoiltError

if TYPE_CHECKING:
    from distortion_heads.io.video.encode import Picture
    from distortion_heads.spec import FloatImage

_EPSILON = 1e-6
"""Seconds: time stamps are rounded to the container's clock."""


class EmptyIntervalError(SpoiltError):
    """No frame of the clip lies in an interval."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The frames with `start <= time < end`, in seconds from the first frame. Raises `DataError` if there are none."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise DataError(f"an interval from {self.start:g} s to {self.end:g} s has no length: let it end later")

    def holds(self, time: float) -> bool:
        return self.start - _EPSILON <= time < self.end - _EPSILON

    def __str__(self) -> str:
        return "-".join(f"{time:.6f}".rstrip("0").rstrip(".") for time in (self.start, self.end))


@dataclass(frozen=True, kw_only=True)
class ClipTarget:
    """When clips are distorted (the whole time without `intervals`), and how they are coded."""

    intervals: tuple[Interval, ...] = ()
    coding: Coding = Coding()  # noqa: RUF009 - frozen


def parse_interval(text: str) -> Interval:
    """Read "2s-5s", "2-5.5" or "0:58-1:02". Raises `DataError`."""
    start, separator, end = text.partition("-")
    try:
        if separator:
            return Interval(start=parse_time(start), end=parse_time(end))
    except DataError:
        raise
    except DheadsError:
        pass
    raise DataError(f"interval {text!r}: give where it starts and ends, as 2s-5s or 0:58-1:02")


def intervals_of(text: str) -> tuple[Interval, ...]:
    """Read the column `interval` of a manifest, "2-5+7-8.5"; nothing is the whole clip. Raises `DataError`."""
    return tuple(map(parse_interval, text.split("+"))) if text else ()


@dataclass(frozen=True, kw_only=True)
class CleanClip:
    """How a clip is distorted: by `steps` with its `seed`, in `intervals`, coded by `coding`."""

    steps: tuple[Step, ...]
    seed: int
    intervals: tuple[Interval, ...]
    coding: Coding


def distorted(
    frames: Iterable[Frame], steps: Sequence[Step], seed: int, intervals: Sequence[Interval], rate: float
) -> Iterator[Picture]:
    """Yield times from the first frame on, and pixels; `rate` in frames/s.

    Distortions over several frames (`synthesize_clip`) begin anew with each interval and come after all others. Raises
    `SpoiltError` if a plugin fails, `EmptyIntervalError` if no frame is inside of an interval.
    """
    time, touched = 0.0, False
    for place, run in groupby(_timed(frames), key=lambda timed: _place(timed[0], intervals)):
        touched = touched or place is not None
        clean = ((time, frame.pixels) for time, frame in run)
        for time, pixels in clean if place is None else _guarded(run, steps, seed, rate):
            yield time, pixels
    if not touched:
        raise EmptyIntervalError(f"no frame lies in the interval: the last one is at {time:.2f} s")


def _timed(frames: Iterable[Frame]) -> Iterator[tuple[float, Frame]]:
    origin: float | None = None
    for frame in frames:
        origin = frame.time if origin is None else origin
        yield frame.time - origin, frame


def _place(time: float, intervals: Sequence[Interval]) -> int | None:
    """Return which interval holds `time`."""
    if not intervals:
        return 0
    return next((i for i, interval in enumerate(intervals) if interval.holds(time)), None)


def _guarded(run: Iterable[tuple[float, Frame]], steps: Sequence[Step], seed: int, rate: float) -> Iterator[Picture]:
    try:
        yield from _distorted(run, steps, seed, rate)
    except (DataError, PluginError) as error:
        raise SpoiltError(str(error)) from error
    except (DheadsError, SpoiltError):
        raise
    except Exception as error:  # a plugin's fault
        raise SpoiltError(f"{type(error).__name__}: {' '.join(str(error).split())}") from error


def _distorted(run: Iterable[tuple[float, Frame]], steps: Sequence[Step], seed: int, rate: float) -> Iterator[Picture]:
    run = iter(run)
    over_time = [step for step in in_physical_order(steps) if step.spec.synthesize_clip is not None]
    times: deque[float] = deque()
    made = _still(run, [step for step in steps if step not in over_time], seed, times)
    for step, rng in zip(over_time, np.random.default_rng((seed, 2)).spawn(len(over_time)), strict=True):
        made = _over_time(step, made, rate, rng)
    for image in made:
        if not times:
            raise DataError(f"{over_time[-1].spec.label!r} made more frames than it was given")
        yield times.popleft(), to_uint8(image)
    if times or next(run, None) is not None:
        raise DataError(f"{over_time[-1].spec.label!r} made fewer frames than it was given")


def _still(
    run: Iterable[tuple[float, Frame]], steps: Sequence[Step], seed: int, times: deque[float]
) -> Iterator[FloatImage]:
    """Distort frame by frame; `times` gets the time of each frame as it is asked for."""
    for time, frame in run:
        times.append(time)
        yield distort_frame(to_float(frame.pixels), steps, seed, frame.index)


def _over_time(step: Step, images: Iterator[FloatImage], rate: float, rng: np.random.Generator) -> Iterator[FloatImage]:
    assert step.spec.synthesize_clip is not None
    first = next(images, None)
    if first is None:  # an earlier one stopped before its first frame
        return
    for image in step.spec.synthesize_clip(chain([first], images), rate, step.severity, rng):
        yield check_made(step.spec, image, first.shape)


def write_clip(source: str, target: Path, clip: CleanClip, options: VideoOptions) -> Encoded:
    """Distort the clip `source`, or the part of it that `options` choose, and write `target`.

    Raises `InputError` if the source cannot be read to its end, `SpoiltError` as `distorted`, and what `encode_video`
    raises.
    """
    with closing(open_video(source, options)) as video:
        rate = video.info.frame_rate or FALLBACK_RATE
        pictures = distorted(video.frames(), clip.steps, clip.seed, clip.intervals, rate)
        try:
            encoded = encode_video(pictures, target, clip.coding, rate)
        except SpoiltError:
            _check_whole(video)
            raise
        _check_whole(video)
    return encoded


def _check_whole(video: VideoSource) -> None:
    if video.damage is not None:
        raise InputError(str(video.damage))


def size_of(path: Path) -> tuple[int, int]:
    """Return width and height of a clip. Raises `InputError`."""
    with closing(open_video(str(path), VideoOptions())) as video:
        return video.info.width, video.info.height
