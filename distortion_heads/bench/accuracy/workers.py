"""Measure many pictures, in this process or in several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from distortion_heads._system.errors_text import reason
from distortion_heads._system.processes import in_processes, per_process
from distortion_heads.bench.accuracy.samples import AccuracyPlan, Cache, PictureOutcomes, measure_picture
from distortion_heads.errors import InputError
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.build import Registry
from distortion_heads.spec import HeadSpec

MakeRegistry: TypeAlias = Callable[[], Registry]
"""Hashable and picklable: specs hold functions, which do not always travel, so each process makes its own registry."""


@dataclass(frozen=True)
class InstalledRegistry:
    """Makes the registry of what is installed and of the user's own heads."""

    no_plugins: bool = False

    def __call__(self) -> Registry:
        return load_registry(no_plugins=self.no_plugins)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every process needs to know."""

    make_registry: MakeRegistry
    labels: tuple[str, ...]
    plan: AccuracyPlan
    cache: Cache


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One picture's outcomes, or why there are none."""

    picture: Path
    outcome: PictureOutcomes | None = None
    error: str | None = None


def measure_pictures(pictures: Sequence[Path], job: Job, jobs: int) -> Iterator[Measured]:
    """Yield each picture as it is done, in any order; what the cache has is not measured again.

    Raises `DataError` if a generator breaks its contract or a process dies.
    """
    yield from in_processes(pictures, partial(measure_one, job=job), jobs)


def measure_one(picture: Path, job: Job) -> Measured:
    """Look into the cache, else measure and keep it there."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    try:
        data = picture.read_bytes()
    except OSError as error:
        return Measured(picture=picture, error=f"cannot be read: {reason(error)}")
    outcome = job.cache.load(data)
    if outcome is None:
        predictor, specs = per_process(_open, job.make_registry, job.labels)
        try:
            with threadpool_limits(1):
                outcome = measure_picture(data, predictor, specs, job.plan)
        except InputError as error:
            return Measured(picture=picture, error=str(error))
        job.cache.save(data, outcome)
    return Measured(picture=picture, outcome=outcome)


def _open(make_registry: MakeRegistry, labels: tuple[str, ...]) -> tuple[Predictor, tuple[HeadSpec, ...]]:
    """Once per process; one thread each, for the processes share the cores."""
    registry = make_registry()
    specs = tuple(head.spec for head in registry.select(labels))
    return Predictor(labels, registry=registry, threads=1), specs
