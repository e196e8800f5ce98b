"""The cases that are measured: parts of clips, each distorted in one way over one known interval."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from distortion_heads.bench.accuracy.samples import seeded
from distortion_heads.errors import DataError, InputError
from distortion_heads.io.inputs import expand_inputs
from distortion_heads.io.video.clock import FALLBACK_RATE
from distortion_heads.io.video.encode import CODECS, Coding, parse_bit_rate
from distortion_heads.io.video.options import VideoOptions
from distortion_heads.io.video.reader import open_video
from distortion_heads.io.video.sampling import spread
from distortion_heads.synthesis.clips import Interval

HEADS = (
    "gaussian_blur", "lens_blur", "motion_blur", "white_noise", "impulse_noise", "pink_noise", "jpeg", "pixelate",
    "smoke", "uneven_illumination", "darken", "over_exposure", "frozen_frames", "flicker",
)  # fmt: skip
"""Distortions by cameras and their surroundings: the five of LVQ (its defocus is `lens_blur`) and their kin; and
those that only successive frames show."""

CODINGS = (
    Coding(),
    Coding(codec="h264", bit_rate=4_000_000),
    Coding(codec="h264", bit_rate=1_000_000),
    Coding(codec="h264", bit_rate=400_000),
    Coding(codec="hevc", bit_rate=1_000_000),
    Coding(codec="mpeg4", bit_rate=1_000_000),
)
"""The first is lossless, for the answers without a codec."""

SEVERITIES = (3.0, 5.0, 2.0, 4.0)
LEAST_SECONDS = 4.0
_ONSET, _LENGTH = (0.25, 0.35), (0.35, 0.45)
"""Shares of a part: there is clean footage before and after, longer than the gaps that segments bridge."""


def parse_codings(text: str) -> tuple[Coding, ...]:
    """Read "h264:400k,hevc:1M", and put the lossless coding before. Raises `DheadsError`."""
    codings = []
    for part in text.split(","):
        codec, _, rate = part.strip().partition(":")
        matching = [known for known in CODECS[1:] if known == codec]
        if not matching or not rate:
            raise DataError(f"{part.strip()!r}: give a codec ({', '.join(CODECS[1:])}) and its bit rate, as in h264:1M")
        codings.append(Coding(codec=matching[0], bit_rate=parse_bit_rate(rate)))
    return (Coding(), *dict.fromkeys(codings))


@dataclass(frozen=True, kw_only=True)
class CasePlan:
    """`parts` of each clip, evenly spread, of `seconds` each; every part is coded in all ways of `codings`."""

    codings: tuple[Coding, ...] = CODINGS
    parts: int = 2
    seconds: float = 4.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not LEAST_SECONDS <= self.seconds < math.inf:
            raise DataError(f"a part of a clip must last at least {LEAST_SECONDS:g} seconds")


@dataclass(frozen=True, kw_only=True)
class Part:
    """From `start` on, `seconds` of a clip of `rate` frames/s; `name` is its path below the folder of all clips."""

    clip: Path
    name: str
    start: float
    seconds: float
    rate: float

    def __str__(self) -> str:
        return f"{self.name} from {self.start:.1f} s"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A part with one distortion in `interval` (seconds from the part's start), with a stream of its own."""

    part: Part
    label: str
    severity: float
    interval: Interval
    seed: int


def find_parts(folder: Path, plan: CasePlan, limit: int | None) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Return at most `limit` parts of all videos below `folder`, the first of each before the second ones, and a
    sentence on each video that has none. Raises `DataError` if there is no part."""
    found: list[list[Part]] = []
    problems: list[str] = []
    for item in expand_inputs([str(folder)], videos=True):
        if item.error is not None:
            raise DataError(f"{item.path}: {item.error}")
        if not item.is_video:
            continue
        clip = Path(item.path)
        name = Path(os.path.relpath(clip, folder)).as_posix() if folder.is_dir() else clip.name
        try:
            found.append(_parts_of(clip, name, plan))
        except InputError as error:
            problems.append(f"video {name}: {error}")
    parts = [parts[i] for i in range(plan.parts) for parts in found if i < len(parts)]
    if not parts:
        raise DataError("; ".join(problems) or f"no video in {folder}")
    return tuple(parts[:limit]), tuple(problems)


def _parts_of(clip: Path, name: str, plan: CasePlan) -> list[Part]:
    with closing(open_video(str(clip), VideoOptions())) as video:
        info = video.info
    if info.duration is None or info.duration < plan.seconds:
        raise InputError(f"lasts less than {plan.seconds:g} s, or does not say how long it is")
    count = min(plan.parts, int(info.duration // plan.seconds))  # no frame counts twice
    starts = spread(count, 0.0, info.duration - plan.seconds)
    rate = info.frame_rate or FALLBACK_RATE
    return [Part(clip=clip, name=name, start=round(start, 3), seconds=plan.seconds, rate=rate) for start in starts]


def draw_cases(parts: Sequence[Part], labels: Sequence[str], plan: CasePlan) -> tuple[Case, ...]:
    """Return each part with each distortion; severities take turns, so that every head and every clip meets all."""
    return tuple(
        _draw_case(part, label, SEVERITIES[(row + column) % len(SEVERITIES)], plan.seed)
        for row, part in enumerate(parts)
        for column, label in enumerate(labels)
    )


def _draw_case(part: Part, label: str, severity: float, seed: int) -> Case:
    rng = seeded("bench video", seed, part.name, part.start, label)
    onset = rng.uniform(*_ONSET) * part.seconds
    length = rng.uniform(*_LENGTH) * part.seconds
    # Edges lie in the middle between two frames, so that a container's rounding moves none across.
    start, end = ((round(edge * part.rate) + 0.5) / part.rate for edge in (onset, onset + length))
    interval, stream = Interval(start=start, end=end), int(rng.integers(1 << 63))
    return Case(part=part, label=label, severity=severity, interval=interval, seed=stream)
