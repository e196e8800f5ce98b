"""The choice of a video's frames, and times as text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from itertools import dropwhile

from distortion_heads.errors import DheadsError
from distortion_heads.io.video.options import Moment, Sampling

_EPSILON = 1e-6
"""Seconds: time stamps are rounded to the container's clock."""


def sample(moments: Iterable[Moment], sampling: Sampling) -> Iterator[Moment]:
    """Yield those of `moments`, in order of time, that `sampling` asks for; but for its `frames`, see `spread`.

    With `fps` it is the first frame in each 1/fps seconds from `start` on, so never more frames than there are.
    """
    slot = -1
    started = dropwhile(lambda moment: moment.time < sampling.start - _EPSILON, moments)
    for position, moment in enumerate(started):
        if sampling.end is not None and moment.time >= sampling.end - _EPSILON:
            return
        wanted = True
        if sampling.fps is not None:
            current = math.floor((moment.time - sampling.start) * sampling.fps + 1e-3)
            wanted, slot = current > slot, max(current, slot)
        elif sampling.every is not None:
            wanted = position % sampling.every == 0
        if wanted:
            yield moment


def spread(count: int, start: float, end: float) -> list[float]:
    """Return the middles of `count` equal parts of the time from `start` to `end`."""
    return [start + (i + 0.5) * (end - start) / count for i in range(count)]


_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?)s?")


def parse_time(text: str) -> float:
    """Read "90", "90.5s", "1:30" or "0:01:30.5" as seconds. Raises `DheadsError`."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise DheadsError(f"{text!r} is no time like 90, 90.5, 1:30 or 1:02:30")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def time_text(seconds: float, digits: int = 1) -> str:
    """Write `seconds` as m:ss.s or h:mm:ss.s, with so many digits after the point."""
    scale = 10**digits
    whole, part = divmod(round(seconds * scale), scale)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
    return f"{text}.{part:0{digits}d}" if digits else text
