"""Options of reading a video, and the values that reading it gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from distortion_heads.errors import DheadsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULT_MAX_PIXELS = 1 << 26
"""Pixels of one frame: twice 8K. A decoder holds about twenty frames."""

DEFAULT_MAX_FRAMES = 10_000_000
"""Frames evaluated: four and a half days at 25 frames/s."""

FRAME_WINDOWS = 6
"""Windows of a frame that are read: all that 512 x 288 has."""

DEFAULT_SEQUENCE_RATE = 25.0


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """The frames to evaluate: all, or at most `fps` a second, every `every`-th, or `frames` evenly spread ones.

    Only those with `start <= time < end` count. Raises `DheadsError` for impossible values.
    """

    fps: float | None = None
    every: int | None = None
    frames: int | None = None
    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        chosen = [value for value in (self.fps, self.every, self.frames) if value is not None]
        if len(chosen) > 1:
            raise DheadsError("choose frames in one way: --fps, --every or --frames")
        if not all(0 < value < math.inf for value in chosen):
            raise DheadsError("--fps, --every and --frames must be above 0")
        if not self.start >= 0 or (self.end is not None and not self.end > self.start):
            raise DheadsError("--start must not be negative, and --end must come after it")


@dataclass(frozen=True, kw_only=True)
class SegmentRule:
    """The rule by which a head's probabilities over time become segments.

    Hysteresis: successive frames whose probability stays above a lower threshold (`lower`), one of which reaches the
    head's own, as their mean over time does. A gap is bridged if it lasts at most `merge_gap` seconds and less than
    what is on either side of it, so that flicker never adds up to a segment. Whatever lasts less than `min_length`
    seconds is none.
    """

    low: float = 0.7
    min_length: float = 0.5
    merge_gap: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.low <= 1:
            raise DheadsError("--low must be above 0 and at most 1")
        if not (self.min_length >= 0 and self.merge_gap >= 0):
            raise DheadsError("--min-length and --merge-gap must not be negative")

    def lower(self, threshold: float) -> float:
        """Return the probability down to which a segment lasts: `low` times a threshold of 0.5.

        At other thresholds it has the same share of the threshold's odds, so that a high one is not left far behind.
        """
        share = self.low / (2 - self.low)
        return share * threshold / (1 - threshold + share * threshold)


@dataclass(frozen=True, kw_only=True)
class Follow:
    """How to follow a growing file: until nothing has come for `patience` seconds (None: until interrupted).

    Frames are dropped while the answer is more than `max_lag` seconds behind the stream.
    """

    patience: float | None = None
    max_lag: float = 2.0

    def __post_init__(self) -> None:
        if not self.max_lag > 0 or (self.patience is not None and not self.patience > 0):
            raise DheadsError("--patience and --max-lag must be above 0")


@dataclass(frozen=True, kw_only=True)
class VideoOptions:
    """How a video is read and judged; `workers` evaluate frames at the same time (None: one per CPU core).

    At most `most_windows` windows of a frame are read, other ones of the next frame, so that a second shows all of
    them; None: all of every frame. `deinterlace` makes whole frames of the fields of interlaced ones. At most
    `max_frames` are judged; None: 10 million, and of a file below 1 MiB what `budget` allows.
    """

    sampling: Sampling = field(default_factory=Sampling)
    rule: SegmentRule = field(default_factory=SegmentRule)
    follow: Follow | None = None
    sequence_rate: float = DEFAULT_SEQUENCE_RATE
    max_pixels: int = DEFAULT_MAX_PIXELS
    max_frames: int | None = None
    workers: int | None = None
    most_windows: int | None = FRAME_WINDOWS
    deinterlace: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.sequence_rate < math.inf:
            raise DheadsError("--sequence-rate must be above 0")


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """A file's own data: sizes in pixels as shown (upright); rate in frames/s and duration in s, if known."""

    path: str | None
    width: int
    height: int
    frame_rate: float | None
    duration: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One decoded frame: uint8 (H, W, 3), RGB, upright. `index` counts the frames that are evaluated, from 0.

    `key_frame`: it is stored as a whole, not as changes of others.
    """

    index: int
    time: float
    pixels: NDArray[np.uint8]
    key_frame: bool = False


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A frame that can be read: its time, and `load` for its pixels, uint8 (H, W, 3), called once, at once."""

    time: float
    load: Callable[[], NDArray[np.uint8]]
    key_frame: bool = False


@dataclass(frozen=True, kw_only=True)
class Damage:
    """The first place in a video that could not be read, at `time` (s); `count` is the number of such places.

    `read_on`: what comes after the last of them was read. `item`: the picture of a sequence, one of `pictures`.
    """

    time: float
    reason: str
    count: int = 1
    read_on: bool = False
    item: str | None = None
    pictures: int = 0

    def __str__(self) -> str:
        if self.item is not None:
            return f"{self.item}: {self.reason} ({self.count} of {self.pictures} pictures left out)"
        more = f" ({self.count} damaged places in all)" if self.count > 1 else ""
        if self.read_on:
            return f"damaged at {self.time:.2f} s, and read on after it: {self.reason}{more}"
        return f"cannot be read from {self.time:.2f} s on: {self.reason}{more}"


def add_damage(known: Damage | None, time: float, reason: str) -> Damage:
    """Return the first damage with its count raised by one, or this one if it is the first."""
    return Damage(time=time, reason=reason) if known is None else replace(known, count=known.count + 1)


class VideoSource(Protocol):
    """An open video.

    When `frames` has ended, `damage` is known, `notes` on how it was read, and the time at which the last frame `end`s.
    """

    info: VideoInfo
    damage: Damage | None
    end: float | None

    @property
    def notes(self) -> tuple[str, ...]: ...

    def frames(self) -> Iterator[Frame]: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...
