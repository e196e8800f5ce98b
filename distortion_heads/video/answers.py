"""The answers for a video and its parts; times are seconds from its start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from distortion_heads.answers import FamilyResult, HeadResult, KindShare, Prediction, QualityResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_Answer = TypeVar("_Answer", "VideoHead", "VideoFamily")


EventKind: TypeAlias = Literal["onset", "offset", "withdrawn"]


@dataclass(frozen=True, kw_only=True)
class FrameResult:
    """All heads' answers for one frame.

    `features` are those of its overview, float32 (dim,), as long as the temporal heads have not answered. `key_frame`:
    see `Frame`.
    """

    index: int
    time: float
    prediction: Prediction
    features: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
    key_frame: bool = field(default=False, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A distortion from `onset` to `offset` (s; the end of its last frame).

    `peak` is the highest probability, at `peak_time`; `probability` the mean over the affected time; `severity` its
    mean over that time, weighted by probability, or None where the head gives none.
    """

    onset: float
    offset: float
    peak: float
    peak_time: float
    probability: float
    severity: float | None


@dataclass(frozen=True, kw_only=True)
class Event:
    """A segment begins ("onset": its offset is not final) or has ended ("offset"); known when `time` is reached.

    "withdrawn": what began is none after all, as its mean fell below the threshold.
    """

    kind: EventKind
    label: str
    family: str
    time: float
    segment: Segment


@dataclass(frozen=True, kw_only=True)
class VideoHead(HeadResult):
    """One head's answer for a video.

    `probability` is the mean over the frames (Ameur et al. 2022, on video), and `present` compares it with `threshold`.
    `share` is that of the frames at or above the threshold, `peak` the highest probability, at `peak_time`, and
    `severity` the mean over the frames, weighted by probability, or None.
    """

    share: float
    peak: float
    peak_time: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True, kw_only=True)
class FamilySegment(Segment):
    """A segment of a family, and which kinds it is of: their shares as in `FamilyResult`."""

    kinds: tuple[KindShare, ...]


@dataclass(frozen=True, kw_only=True)
class VideoFamily(FamilyResult):
    """The answer for a family in a video; the figures are those of the head `label`, as in `VideoHead`.

    That is the family's own or, where there is none, its most probable kind; `segments` are then those of all kinds,
    joined where they overlap.
    """

    label: str
    share: float
    peak: float
    peak_time: float
    segments: tuple[FamilySegment, ...]


@dataclass(frozen=True, kw_only=True)
class VideoQuality(QualityResult):
    """How good a video is: `value` is the mean over the frames, `worst` that over its worst second, from `worst_time`.

    `spread` is the standard deviation over time. `curve` float32 (bins,) as the rows of `Curves`.
    """

    worst: float
    worst_time: float
    curve: NDArray[np.float32] = field(repr=False, compare=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """Mean probabilities over time: float32 (heads, bins), NaN where no frame was evaluated.

    The bins have `width` seconds and begin at `start`.
    """

    start: float
    width: float
    values: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoPrediction:
    """All heads' answers for one video, from `start` to `end`; `error` says what could not be read, and from when on.

    `windows` counts those read per frame, `fast` if there are more; `frames` those evaluated, `dropped` those left out
    so as not to fall behind a growing file; `notes` and `qualities` as in `Prediction`, and `area` that
    of the first frame; `unfamiliar` where most frames are; `reason`: why none was judged, as all show too little.
    """

    path: str | None
    width: int
    height: int
    frame_rate: float | None
    start: float
    end: float
    frames: int
    dropped: int
    windows: int
    backbone: str
    heads: tuple[VideoHead, ...]
    curves: Curves
    error: str | None = None
    families: tuple[VideoFamily, ...] = ()
    fast: bool = False
    notes: tuple[str, ...] = ()
    area: tuple[int, int, int, int] | None = None
    qualities: tuple[VideoQuality, ...] = ()
    unfamiliar: bool = False
    reason: str | None = None

    @property
    def present(self) -> tuple[VideoHead, ...]:
        """Return the heads whose mean is above their thresholds, most probable first."""
        return tuple(sorted((head for head in self.heads if head.present), key=lambda head: -head.probability))

    @property
    def summary(self) -> Prediction:
        """Return the video as if it were one picture, with the mean probabilities; for conditions like `blur>0.6`."""
        return Prediction(
            path=self.path,
            width=self.width,
            height=self.height,
            windows=self.windows,
            backbone=self.backbone,
            fast=self.fast,
            heads=self.heads,
            families=self.families,
            notes=self.notes,
            qualities=self.qualities,
            unfamiliar=self.unfamiliar,
            judged=self.reason is None,
            reason=self.reason,
        )

    @property
    def relevant(self) -> tuple[VideoHead, ...]:
        """Return the heads that are present, then those with at least one segment; most probable first."""
        return _relevant(self.heads)

    @property
    def relevant_families(self) -> tuple[VideoFamily, ...]:
        """Return the families that are present, then those with at least one segment; most probable first."""
        return _relevant(self.families)


def _relevant(answers: Iterable[_Answer]) -> tuple[_Answer, ...]:
    found = [answer for answer in answers if answer.present or answer.segments]
    return tuple(sorted(found, key=lambda answer: (not answer.present, -answer.probability)))
