"""Open the heads of a bench, measure every picture once, say what was not measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from distortion_heads.bench.shared.cache import ROOMS, Cache, cache_key
from distortion_heads.bench.shared.options import CommonOptions, MakeRegistry, Progress
from distortion_heads.bench.shared.workers import Job, measure_all
from distortion_heads.errors import DataError
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.build import Registry
from distortion_heads.spec import HeadSpec


class Named(Protocol):
    """A picture file, or whatever else has a name and can be a key."""

    @property
    def name(self) -> str: ...


_Picture = TypeVar("_Picture", bound=Named)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, kw_only=True, eq=False)
class Bench:
    """The attached heads that are measured: `specs` of those called `labels` (None: all)."""

    options: CommonOptions
    make_registry: MakeRegistry
    registry: Registry
    predictor: Predictor
    labels: tuple[str, ...] | None
    specs: tuple[HeadSpec, ...]

    @property
    def backbone(self) -> str:
        return str(self.predictor.backbone.ref)

    @property
    def left_out(self) -> tuple[str, ...]:
        """A sentence on each head that does not work."""
        return tuple(map(str, self.predictor.problems))

    def only(self, labels: tuple[str, ...]) -> Bench:
        """Return the same for some of the heads."""
        return replace(self, labels=labels, specs=tuple(self.registry.head(label).spec for label in labels))

    def job(self, *depends_on: object, rooms: Sequence[str] = ROOMS) -> Job:
        """Return the task of each process, whose answers depend on `depends_on` and on the code of `rooms` too."""
        key = cache_key(self.predictor, self.specs, *depends_on, rooms=rooms)
        cache = Cache(folder=self.options.out / "cache", key=key)
        return Job(make_registry=self.make_registry, labels=self.labels, cache=cache)

    def measure(
        self,
        pictures: Sequence[_Picture],
        measure_one: Callable[[_Picture], _Answer],
        progress: Progress,
        folder: object,
    ) -> tuple[dict[_Picture, _Answer], tuple[str, ...]]:
        """Return the answer for each of `pictures` of `folder`, and a sentence on each that cannot be read.

        Raises `DataError` if none can be, or as `measure_all`.
        """
        measured, errors = measure_all(pictures, measure_one, self.options.jobs, progress)
        if not measured:
            raise DataError(f"none of the pictures in {folder} can be read")
        return measured, tuple(f"picture {picture.name}: {error}" for picture, error in errors.items())


def open_bench(
    options: CommonOptions,
    make_registry: MakeRegistry,
    choose: Callable[[Registry], tuple[str, ...] | None] | None = None,
) -> Bench:
    """Open the heads that `options` or `choose` names, on one thread. Raises `UnknownHeadError`, `HeadFileError`."""
    registry = make_registry()
    labels = options.heads if choose is None else choose(registry)
    return Bench(
        options=options,
        make_registry=make_registry,
        registry=registry,
        predictor=Predictor(labels, registry=registry, threads=1),
        labels=labels,
        specs=tuple(head.spec for head in registry.select(labels)),
    )
