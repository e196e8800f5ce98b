"""Do many tasks of one kind, in this process or in several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from distortion_heads._system.processes import worker_pool
from distortion_heads.errors import DataError

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def in_processes(tasks: Sequence[_Task], measure_one: Callable[[_Task], _Result], jobs: int) -> Iterator[_Result]:
    """Yield `measure_one(task)` of each task as it is done, in any order; in this process if `jobs` is 1.

    With more jobs, `measure_one`, tasks and results must be picklable. Raises what `measure_one` raises, and
    `DataError` if a process dies.
    """
    if jobs == 1:
        yield from map(measure_one, tasks)
        return
    pool = worker_pool(min(jobs, max(len(tasks), 1)))
    try:
        for future in as_completed([pool.submit(measure_one, task) for task in tasks]):
            yield future.result()
    except BrokenProcessPool:
        raise DataError("a worker process died, perhaps of too little memory: run again with --jobs 1") from None
    finally:
        pool.shutdown(cancel_futures=True)
