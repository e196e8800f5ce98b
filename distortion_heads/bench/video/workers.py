"""Measure many cases, in this process or in several."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from distortion_heads._system.errors_text import reason
from distortion_heads._system.processes import in_processes, per_process
from distortion_heads.bench.accuracy.workers import MakeRegistry
from distortion_heads.bench.video.cases import Case
from distortion_heads.bench.video.measure import Cache, Judged, measure_case
from distortion_heads.errors import InputError
from distortion_heads.io.video.encode import Coding
from distortion_heads.pipeline import Predictor
from distortion_heads.spec import HeadSpec


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every process needs to know; `labels` are the heads, in the order of their answers."""

    make_registry: MakeRegistry
    labels: tuple[str, ...]
    codings: tuple[Coding, ...]
    cache: Cache


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was said about a case, one `Judged` a coding, or why nothing was."""

    case: Case
    judged: tuple[Judged, ...] | None = None
    error: str | None = None


def measure_cases(cases: Sequence[Case], job: Job, jobs: int) -> Iterator[Measured]:
    """Yield each case as it is done, in any order; what the cache has is not measured again.

    Raises `DataError` if a generator breaks its contract or a process dies.
    """
    yield from in_processes(cases, partial(measure_one, job=job), jobs)


def measure_one(case: Case, job: Job) -> Measured:
    """Look into the cache, else measure and keep it there."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    try:
        state = case.part.clip.stat()
        digest = _digest(case.part.clip, state.st_mtime_ns, state.st_size)
    except OSError as error:
        return Measured(case=case, error=f"cannot be read: {reason(error)}")
    judged = job.cache.load(case, digest, len(job.codings))
    if judged is None:
        predictor, specs = per_process(_open, job.make_registry, job.labels)
        try:
            with threadpool_limits(1):
                judged = measure_case(case, specs[case.label], predictor, job.codings)
        except InputError as error:
            return Measured(case=case, error=str(error))
        job.cache.save(case, digest, judged)
    return Measured(case=case, judged=judged)


@lru_cache(maxsize=8)
def _digest(clip: Path, changed: int, size: int) -> str:
    """SHA-256 of a file, read again once it was `changed` or has another `size`."""
    with clip.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _open(make_registry: MakeRegistry, labels: tuple[str, ...]) -> tuple[Predictor, dict[str, HeadSpec]]:
    """Once per process; one thread each, for the processes share the cores."""
    registry = make_registry()
    specs = {head.spec.label: head.spec for head in registry.select(labels)}
    return Predictor(labels, registry=registry, threads=1), specs
