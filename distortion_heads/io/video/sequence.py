"""Numbered pictures (`frame_%04d.png`) as a video, read as pictures are, so that both give the same answers."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import InputError
from distortion_heads.io.images import load_image
from distortion_heads.io.video.options import Damage, Frame, Moment, VideoInfo, VideoOptions, add_damage
from distortion_heads.io.video.sampling import sample, spread

_NUMBER = re.compile(r"%(?:0(\d))?d")


class PictureSequence:
    """A `VideoSource`: the pictures whose names match, in the order of their numbers.

    A picture's time is its number, counted from the first one's, over the rate; a missing number is a gap in time.
    Raises `InputError` if there are none, or more than one number in the pattern.
    """

    def __init__(self, pattern: str, options: VideoOptions) -> None:
        self._options = options
        self._paths = _numbered(pattern)
        first = load_image(self._paths[0][1], max_pixels=options.max_pixels)
        numbers = [number for number, _ in self._paths]
        rate = options.sequence_rate
        self.info = VideoInfo(
            path=pattern,
            width=first.shape[1],
            height=first.shape[0],
            frame_rate=rate,
            duration=(numbers[-1] - numbers[0] + 1) / rate,
        )
        self.damage: Damage | None = None

    def frames(self) -> Iterator[Frame]:
        """Yield the frames that are asked for; pictures that cannot be read are left out and counted in `damage`."""
        index = 0
        for moment in self._chosen():
            try:
                pixels = moment.load()
            except InputError as error:
                self.damage = add_damage(self.damage, moment.time, str(error))
                continue
            yield Frame(index=index, time=moment.time, pixels=pixels)
            index += 1

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _chosen(self) -> Iterator[Moment]:
        base, rate = self._paths[0][0], self._options.sequence_rate
        sampling = self._options.sampling
        moments = [
            Moment(time=(number - base) / rate, load=partial(load_image, path, max_pixels=self._options.max_pixels))
            for number, path in self._paths
        ]
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
