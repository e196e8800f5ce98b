"""Labelled examples of one distortion: a file or a part of a video, and what is made of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.spec import View
from distortion_heads.synthesis.distort import Step, distort

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAMES = 10
"""Frames of each video, or of each part of one that has a line of its own; as in Ameur et al. 2022."""

FEW_VIDEOS = 5

CROP = 1024
"""Longest side in pixels of what is cut from a clean picture for the native view: bounds the time of a camera's."""


@dataclass(frozen=True, kw_only=True)
class Distorted:
    """Way to make a picture from a clean one: a crop, then `step` unless that is None; all chance comes from `seed`.

    `version` names the code of the generator, so that features of an older one are not taken for its own.
    """

    step: Step | None
    seed: int
    version: str = ""

    @property
    def key(self) -> str:
        """Return all that decides the result, besides the content of the clean picture and the view."""
        step = f"{self.step.spec.label} {self.step.severity!r}" if self.step else "none"
        return f"{step} {self.seed} {CROP} {self.version}"

    def apply(self, pixels: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
        """Distort uint8 (H, W, 3), which may be cropped. Raises `DataError`, or whatever the generator raises."""
        if view == "native":
            pixels = _crop(pixels, np.random.default_rng([self.seed, 0]))
        if self.step is None:
            return pixels
        return to_uint8(distort(to_float(pixels), [self.step], np.random.default_rng([self.seed, 1])))


@dataclass(frozen=True, kw_only=True)
class ClipFrames:
    """`frames` evenly spread frames of a video, from `start` to `end` in seconds (None: to its end)."""

    frames: int = FRAMES
    start: float = 0.0
    end: float | None = None

    @property
    def key(self) -> str:
        """Return all that decides the frames, besides the content of the file."""
        return f"{self.frames} frames {self.start!r} {self.end!r}"

    @property
    def text(self) -> str:
        """Return the interval in words."""
        return f"{self.start:g} s to {'its end' if self.end is None else f'{self.end:g} s'}"

    def overlaps(self, other: ClipFrames) -> bool:
        return max(self.start, other.start) < min(clip.end or math.inf for clip in (self, other))


@dataclass(frozen=True, kw_only=True)
class Source:
    """The file `path`; with a `recipe`, what that makes of it; with a `clip`, frames of that video."""

    path: Path
    recipe: Distorted | None = None
    clip: ClipFrames | None = None


@dataclass(frozen=True, kw_only=True)
class LabelledImage(Source):
    """One example with or without the one distortion that a head is to find.

    It is no `Record`, which says all that a picture has: a negative may have any other distortion unless it is
    `clean`. `group`: scene, as the user gave it. `severity` in [1, 5], or None where it is unknown or nothing is there.
    """

    label: bool
    group: str | None = None
    severity: float | None = None
    clean: bool = False

    @property
    def examples(self) -> int:
        """Return how many examples it gives at most: a frame is one as a picture is."""
        return self.clip.frames if self.clip else 1

    def contradicts(self, other: LabelledImage) -> bool:
        """Return whether some picture would be both with and without the label, `other` being of the same file."""
        apart = self.clip is not None and other.clip is not None and not self.clip.overlaps(other.clip)
        return self.label != other.label and not apart


@dataclass(frozen=True, kw_only=True)
class Amount:
    """Number of examples, and of their videos."""

    pictures: int
    frames: int
    videos: int

    @classmethod
    def of(cls, images: Iterable[LabelledImage]) -> Amount:
        """Count examples: a video is listed once for each of its frames."""
        images = list(images)
        paths = [image.path for image in images if image.clip is not None]
        return cls(pictures=len(images) - len(paths), frames=len(paths), videos=len(set(paths)))

    @property
    def examples(self) -> int:
        return self.pictures + self.frames

    def __str__(self) -> str:
        videos = f"{self.frames} frames of {self.videos} {'video' if self.videos == 1 else 'videos'}"
        if not self.frames:
            return f"{self.pictures} pictures"
        return f"{videos} and {self.pictures} pictures" if self.pictures else videos


def few_videos(held: Sequence[LabelledImage]) -> str | None:
    """Return a note if the held-out examples are of few videos, whose frames are alike; None if not."""
    amounts = [Amount.of(image for image in held if image.label is side) for side in (True, False)]
    least = min((amount.videos for amount in amounts if not amount.pictures), default=FEW_VIDEOS)
    if least >= FEW_VIDEOS:
        return None
    return (
        f"held out are {amounts[0]} with and {amounts[1]} without the distortion: frames of one video are alike, so "
        "the figures are rough; more videos make them better"
    )


def _crop(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    top, left = (int(rng.integers(max(side - CROP, 0) + 1)) for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + CROP, left : left + CROP])
