"""Numbered pictures (`frame_%04d.png`) as a video, read as pictures are, so that both give the same answers."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import InputError
from distortion_heads.io.images import load_image, load_image_with_notes
from distortion_heads.io.video.options import Damage, Frame, Moment, VideoInfo, VideoOptions, add_damage
from distortion_heads.io.video.sampling import sample, spread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_NOTES = 3
"""On single pictures: each may have its own."""

_NUMBER = re.compile(r"%(?:0(\d))?d")


class PictureSequence:
    """A `VideoSource`: the pictures whose names match, in the order of their numbers.

    A picture's time is its number, counted from the first one's, over the rate; a missing number is a gap in time.
    Raises `InputError` if there are none, or more than one number in the pattern.
    """

    def __init__(self, pattern: str, options: VideoOptions) -> None:
        self._options = options
        self._paths = _numbered(pattern)
        height, width = self._size()
        numbers = [number for number, _ in self._paths]
        rate = options.sequence_rate
        self.info = VideoInfo(
            path=pattern,
            width=width,
            height=height,
            frame_rate=rate,
            duration=(numbers[-1] - numbers[0] + 1) / rate,
        )
        self.damage: Damage | None = None
        self.end: float | None = None
        self._notes: Counter[str] = Counter()

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what is to be said of the pictures, and of how many of them; the most frequent first."""
        told = [
            f"{note} ({count} of {len(self._paths)} pictures)" for note, count in self._notes.most_common(MOST_NOTES)
        ]
        more = len(self._notes) - MOST_NOTES
        return (*told, f"{more} more notes on single pictures") if more > 0 else tuple(told)

    def frames(self) -> Iterator[Frame]:
        """Yield the frames that are asked for; pictures that cannot be read are left out and counted in `damage`."""
        index = 0
        for moment in self._chosen():
            try:
                pixels = moment.load()
            except InputError as error:
                self._leave_out(moment, str(error))
                continue
            yield Frame(index=index, time=moment.time, pixels=pixels)
            index += 1

    def _load(self, path: str) -> NDArray[np.uint8]:
        loaded = load_image_with_notes(path, max_pixels=self._options.max_pixels)
        self._notes.update(loaded.notes)
        return loaded.pixels

    def _leave_out(self, moment: Moment, reason: str) -> None:
        if self.damage is None:
            base, rate = self._paths[0][0], self._options.sequence_rate
            (name,) = (path for number, path in self._paths if (number - base) / rate == moment.time)
            first = Damage(time=moment.time, reason=reason)
            self.damage = replace(first, item=os.path.basename(name), pictures=len(self._paths))  # noqa: PTH119
        else:
            self.damage = add_damage(self.damage, moment.time, reason)

    def _size(self) -> tuple[int, int]:
        """Return height and width of the first picture that can be read. Raises `InputError` if none can."""
        failed: InputError | None = None
        for _, path in self._paths:
            try:
                shape = load_image(path, max_pixels=self._options.max_pixels).shape
            except InputError as error:
                failed = failed or InputError(f"no picture of it can be read: {os.path.basename(path)}: {error}")  # noqa: PTH119
            else:
                return shape[0], shape[1]
        assert failed is not None
        raise failed

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _chosen(self) -> Iterator[Moment]:
        base, rate = self._paths[0][0], self._options.sequence_rate
        sampling = self._options.sampling
        moments = [Moment(time=(number - base) / rate, load=partial(self._load, path)) for number, path in self._paths]
        if sampling.frames is None:
            return sample(moments, sampling)
        end = math.inf if sampling.end is None else sampling.end - 1e-6
        inside = [moment for moment in moments if sampling.start <= moment.time < end]
        picked = {int(place) for place in spread(sampling.frames, 0, len(inside))}
        return iter([inside[i] for i in sorted(picked)])


def _numbered(pattern: str) -> list[tuple[int, str]]:
    folder, name = os.path.split(pattern)
    parts = _NUMBER.split(name)
    if len(parts) != 3:
        raise InputError("a numbered sequence has one number, as in frame_%04d.png")
    before, digits, after = parts
    number = rf"(\d{{{digits},}})" if digits else r"(\d+)"
    expression = re.compile(re.escape(before) + number + re.escape(after))
    try:
        names = [entry.name for entry in os.scandir(folder or os.curdir)]
    except OSError as error:
        raise InputError(f"cannot be read: {reason(error).lower()}") from None
    found = [(int(match[1]), name) for name in names if (match := expression.fullmatch(name))]
    if not found:
        raise InputError("no file matches this numbered sequence")
    return [(number, str(Path(folder, name)) if folder else name) for number, name in sorted(found)]
