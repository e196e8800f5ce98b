"""Make a case, code it in all ways, and let `predict_video` judge each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.errors_text import reason
from distortion_heads.bench.shared.workers import Arrays, Job
from distortion_heads.bench.video.cases import Case
from distortion_heads.errors import DataError, InputError
from distortion_heads.io.video.encode import Coding, encode_video
from distortion_heads.io.video.options import Sampling, VideoOptions
from distortion_heads.io.video.reader import open_video
from distortion_heads.pipeline import Predictor
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.clips import CleanClip, EmptyIntervalError, write_clip
from distortion_heads.synthesis.distort import Step
from distortion_heads.synthesis.plan import SpoiltError
from distortion_heads.video.predict import FrameEvent as VideoStep
from distortion_heads.video.predict import predict_video


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """The answers for a case in one coding, of n frames by H heads.

    `times` float64 (n,), seconds from the part's start; `inside` bool (n,): distorted; `probability` float32 (n, H);
    `segments` float64 (k, 2): onsets and offsets that the head of the case's distortion found; `bit_rate`: of the
    file, in bit/s, float64 (1,).
    """

    times: NDArray[np.float64]
    inside: NDArray[np.bool_]
    probability: NDArray[np.float32]
    segments: NDArray[np.float64]
    bit_rate: NDArray[np.float64]


_ARRAYS = tuple(field.name for field in fields(Judged))


def measure_case(case: Case, spec: HeadSpec, predictor: Predictor, codings: Sequence[Coding]) -> tuple[Judged, ...]:
    """Return one `Judged` for each of `codings`.

    Raises `InputError` for a clip that is bad or lacks a frame inside or outside of the interval; `DataError` for a bad
    generator.
    """
    part = case.part
    reading = VideoOptions(sampling=Sampling(start=part.start, end=part.start + part.seconds))
    steps = (Step(spec=spec, severity=case.severity),)
    with TemporaryDirectory(prefix="dheads-bench-") as folder:
        lossless = Path(folder) / f"lossless{Coding().suffix}"
        clip = CleanClip(steps=steps, seed=case.seed, intervals=(case.interval,), coding=Coding())
        try:
            write_clip(str(part.clip), lossless, clip, reading)
        except EmptyIntervalError:
            raise InputError(_not_both(case)) from None
        except SpoiltError as error:
            raise DataError(f"{case.label}: {error}") from None
        return tuple(_judge(case, _coded(lossless, coding), predictor) for coding in codings)


def _coded(lossless: Path, coding: Coding) -> Path:
    if coding == Coding():
        return lossless
    target = lossless.with_name(f"coded{coding.suffix}")
    with closing(open_video(str(lossless), VideoOptions())) as video:
        encode_video(((frame.time, frame.pixels) for frame in video.frames()), target, coding, video.info.frame_rate)
    return target


def _judge(case: Case, file: Path, predictor: Predictor) -> Judged:
    times: list[float] = []
    rows: list[list[float]] = []

    def keep(step: VideoStep) -> None:
        if step.is_frame:
            times.append(step.result.time)
            rows.append([head.probability for head in step.result.prediction.heads])

    answer = predict_video(predictor, str(file), VideoOptions(workers=1), on_step=keep)
    if answer.error is not None:
        raise InputError(answer.error)
    mine = next(head for head in answer.heads if head.label == case.label)
    inside = np.array([case.interval.holds(time) for time in times])
    if inside.all() or not inside.any():
        raise InputError(_not_both(case))
    return Judged(
        times=np.array(times),
        inside=inside,
        probability=np.array(rows, np.float32),
        segments=np.array([(s.onset, s.offset) for s in mine.segments]).reshape(-1, 2),
        bit_rate=np.array([8 * file.stat().st_size / max(answer.end - answer.start, 1e-9)]),
    )


def _not_both(case: Case) -> str:
    """Return why a clip cannot be measured whose frames are shown for seconds."""
    start, end = case.interval.start, case.interval.end
    return f"it needs frames inside and outside of the interval from {start:.2f} to {end:.2f} s"


def measure_one(case: Case, job: Job, codings: Sequence[Coding]) -> tuple[Judged, ...]:
    """Return what the job's cache has for `case`, else measure it. Raises as `measure_case`."""
    clip = case.part.clip
    try:
        state = clip.stat()
        digest = _digest(clip, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise InputError(f"cannot be read: {reason(error)}") from None

    def measure(predictor: Predictor, specs: Sequence[HeadSpec]) -> Arrays:
        spec = next(spec for spec in specs if spec.label == case.label)
        judged = measure_case(case, spec, predictor, codings)
        return {f"{i}.{name}": array for i, each in enumerate(judged) for name, array in vars(each).items()}

    described = asdict(case)
    described["part"]["clip"] = digest
    arrays = job.arrays(json.dumps(described, sort_keys=True).encode(), measure)
    return tuple(Judged(**{name: arrays[f"{i}.{name}"] for name in _ARRAYS}) for i in range(len(codings)))  # type: ignore[arg-type]


@lru_cache(maxsize=8)
def _digest(clip: Path, changed: int, size: int) -> str:
    """Return the SHA-256 of a file, which is read again once it was `changed` or has another `size`."""
    with clip.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
