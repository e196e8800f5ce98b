"""Measure many items, in this process or in several; what the cache has is not measured again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.errors_text import reason
from distortion_heads._system.processes import in_processes, per_process
from distortion_heads.bench.shared.cache import Cache
from distortion_heads.bench.shared.options import MakeRegistry, Progress
from distortion_heads.errors import InputError
from distortion_heads.pipeline import Predictor
from distortion_heads.spec import HeadSpec

Arrays: TypeAlias = Mapping[str, NDArray[np.generic]]
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, kw_only=True)
class Job:
    """The task of every process; `labels` are the heads, in the order of their answers (None: all)."""

    make_registry: MakeRegistry
    labels: tuple[str, ...] | None
    cache: Cache

    def arrays(self, item: bytes, measure: Callable[[Predictor, tuple[HeadSpec, ...]], Arrays]) -> Arrays:
        """Return what the cache has for `item`, else `measure(predictor, specs)`, on one thread, and keep that."""
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        found: Arrays | None = self.cache.load(item)
        if found is None:
            with threadpool_limits(1):
                found = measure(*per_process(_open, self.make_registry, self.labels))
            self.cache.save(item, found)
        return found


def read_bytes(path: Path) -> bytes:
    """Return what the file holds. Raises `InputError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {reason(error)}") from None


def measure_all(
    items: Sequence[_Item], measure: Callable[[_Item], _Answer], jobs: int, progress: Progress
) -> tuple[dict[_Item, _Answer], dict[_Item, str]]:
    """Return the answer for each item, and why there is none for those that raised `InputError`; both in their order.

    `progress(done, total)` counts items. With more `jobs`, items, answers and `measure` must be picklable. Raises
    `DataError` if a generator breaks its contract, `WorkerDiedError` if a process dies.
    """
    answers: dict[_Item, _Answer] = {}
    errors: dict[_Item, str] = {}
    progress(0, len(items))
    for done, (item, answer, error) in enumerate(in_processes(items, partial(_attempt, measure), jobs), 1):
        if answer is None:
            errors[item] = error
        else:
            answers[item] = answer
        progress(done, len(items))
    ordered = {item: answers[item] for item in items if item in answers}
    return ordered, {item: errors[item] for item in items if item in errors}


def _attempt(measure: Callable[[_Item], _Answer], item: _Item) -> tuple[_Item, _Answer | None, str]:
    try:
        return item, measure(item), ""
    except InputError as error:
        return item, None, str(error)


def _open(make_registry: MakeRegistry, labels: tuple[str, ...] | None) -> tuple[Predictor, tuple[HeadSpec, ...]]:
    """Open heads on one thread, for the processes share the cores."""
    registry = make_registry()
    specs = tuple(head.spec for head in registry.select(labels))
    return Predictor(labels, registry=registry, threads=1), specs
