"""Worker processes of a Ray cluster in the place of local ones, for work whose results come in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from distortion_heads.batch.on_ray import cluster
from distortion_heads.errors import WorkerDiedError

T = TypeVar("T")

TRIES = 5
"""Times that a call is made again where its process died; it must be one that can be made twice."""


@dataclass(frozen=True)
class RayWorkers:
    """Starts workers as `_system.processes.start_workers` does: on the cluster at `address`, or on a new one here."""

    address: str | None

    @contextmanager
    def __call__(self, count: int) -> Iterator[RayPool]:
        """Give `count` processes of a new cluster, or all of one that is there. Raises what `cluster` raises."""
        with cluster(self.address, count) as ray:
            yield RayPool(ray)

    def each(self, tasks: Sequence[Any], work: Callable[[Any], T], jobs: int) -> Iterator[T]:
        """Do what `_system.processes.in_processes` does, in the order of `tasks`; one whose process dies is done again.

        Raises what `cluster` raises, what `work` raises, and `WorkerDiedError`.
        """
        with self(jobs) as pool:
            for pending in [pool.submit(work, task) for task in tasks]:
                yield pending.result()


class RayPool:
    """Hands out calls of functions that every machine can import."""

    def __init__(self, ray: Any) -> None:
        self._ray, self._call = ray, ray.remote(num_cpus=1, max_retries=TRIES)(_call)

    def submit(self, function: Callable[..., T], *arguments: object) -> RayPending[T]:
        """Return a call under way."""
        return RayPending(self._ray, self._call.remote(function, *arguments))


class RayPending(Generic[T]):
    """A call under way on the cluster."""

    def __init__(self, ray: Any, reference: Any) -> None:
        self._ray, self._reference = ray, reference

    def result(self) -> T:
        """Wait for the result. Raises what the call raised, and `WorkerDiedError` if its process died too often."""
        try:
            result: T = self._ray.get(self._reference)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except self._ray.exceptions.RayError as error:
            raise WorkerDiedError(f"a worker process died {TRIES + 1} times: run again with fewer --jobs") from error
        return result


def _call(function: Callable[..., T], *arguments: object) -> T:
    return function(*arguments)
