"""Spread the work lists of a job over a Ray cluster: one actor is one Predictor, and no picture passes through here."""

from __future__ import annotations

import logging
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

from distortion_heads._system.threads import usable_cores
from distortion_heads.batch.deaths import Deaths
from distortion_heads.batch.places import Folder
from distortion_heads.batch.shards import WorkList
from distortion_heads.batch.work import Done, Model, Worker
from distortion_heads.errors import DataError, MissingExtraError

Report: TypeAlias = Callable[[int, int], None]

STORE_BYTES = 256 * 2**20
"""Shared memory of a local cluster: it holds the heads alone."""


STARTS = 4
"""Times that a local cluster is started: Ray gives each 30 seconds, too few on a machine that is overloaded."""

LATE = "timed out during startup"
"""The words of Ray for a cluster that was not there in time."""


HINT = "; is that the port of its Ray client server, and is its token in RAY_AUTH_TOKEN_PATH, with RAY_AUTH_MODE=token?"
"""Advice that follows Ray's words, which are the same whatever keeps a client out."""


@contextmanager
def cluster(address: str | None, jobs: int | None) -> Iterator[Any]:
    """Connect to the cluster at `address` (ray://HOST:PORT), or start one on this machine; give the module ray.

    A cluster that was started here ends with this process, however that ends. Raises `MissingExtraError`, and
    `DataError` if there is no cluster.
    """
    try:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read by Ray as it starts: no report of this run is sent
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        import ray
    except ImportError:
        raise MissingExtraError("predict --on ray", "ray") from None
    local = {"num_cpus": jobs or usable_cores(), "include_dashboard": False, "object_store_memory": STORE_BYTES}
    _begin(ray, address, {} if address else local)
    try:
        yield ray
    finally:
        ray.shutdown()


def _begin(ray: Any, address: str | None, local: Mapping[str, object]) -> None:
    for last in (False,) * (STARTS - 1) + (True,):
        try:
            with warnings.catch_warnings(action="ignore"):  # it warns of what it then raises
                ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **local)
            return
        except Exception as error:  # connection errors of several kinds
            if address is None and not last and LATE in str(error):
                ray.shutdown()
                continue
            place, words = address or "on this machine", " ".join(str(error).split())[:200]
            raise DataError(f"no Ray cluster {place}: {words}{HINT if address else ''}") from None


def work_on(
    ray: Any, lists: Sequence[WorkList], model: Model, folder: Folder, jobs: int | None, report: Report
) -> Iterator[Done]:
    """Yield what was done of each list, in any order; `report(done, total)` is called after each.

    An actor gets a list when it has finished the one before, so that nothing piles up. Where an actor dies, another one
    does its list again. Raises `WorkerDiedError` if too many die, `DataError` if none can begin.
    """
    pool = _Pool(ray, model, folder)
    for _ in range(min(len(lists), jobs or max(1, int(ray.cluster_resources().get("CPU", 1))))):
        pool.start()
    waiting, done = deque(lists), 0
    while done < len(lists):
        actor, work, result = pool.next()
        if result is None:
            waiting.extendleft([work] if work is not None else [])
            pool.start()
            continue
        if work is not None:
            done += 1
            report(done, len(lists))
            yield result
        if waiting:
            pool.give(actor, waiting.popleft())


class _Pool:
    """The actors, and what each is doing: it begins, which is no list, or it works on one."""

    def __init__(self, ray: Any, model: Model, folder: Folder) -> None:
        self._ray, self._folder, self._deaths = ray, folder, Deaths(folder)
        gpus = 0 if model.device == "cpu" else 1
        self._kind = ray.remote(num_cpus=1, num_gpus=gpus, scheduling_strategy="SPREAD")(RayWorker)
        self._model = ray.put(model)
        self._running: dict[Any, tuple[Any, WorkList | None]] = {}

    def start(self) -> None:
        actor = self._kind.remote(self._model, self._folder)
        self._running[actor.begin.remote()] = (actor, None)

    def give(self, actor: Any, work: WorkList) -> None:
        careful = self._deaths.careful(work)
        self._running[actor.run.remote(work, self._deaths.skip(work), careful)] = (actor, work)

    def next(self) -> tuple[Any, WorkList | None, Done | None]:
        """Wait for an actor; return it, its list if it had begun already, and the result; None if it died."""
        (reference,), _ = self._ray.wait(list(self._running), num_returns=1)
        actor, work = self._running.pop(reference)
        try:
            result: Done = self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            if getattr(error, "actor_init_failed", False):
                raise DataError(f"no worker can begin: {_last_line(error)}") from None
            self._deaths.add(work)
            with suppress(Exception):  # it is dead as a rule; one that cannot be reached must not go on
                self._ray.kill(actor)
            return actor, work, None
        except self._ray.exceptions.RayTaskError as error:
            raise DataError(f"a worker failed: {_last_line(error)}") from None
        if work is not None:
            self._deaths.finished()
        return actor, work, result


class RayWorker:
    """A `Worker` in a process of Ray."""

    def __init__(self, model: Model, folder: Folder) -> None:
        self._worker = Worker(model, folder)

    def begin(self) -> Done:
        """Answer once the heads are loaded."""
        return Done(number=-1, rows=0, errors=0)

    def run(self, work: WorkList, skip: Sequence[int], careful: bool) -> Done:
        return self._worker.run(work, skip, careful=careful)


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()
