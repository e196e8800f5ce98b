"""Worker processes: they end with the process that started them, and one that dies is reported, whenever it dies."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar, cast

from distortion_heads.errors import WorkerDiedError

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

T = TypeVar("T")
_Task = TypeVar("_Task")


@contextmanager
def start_workers(count: int, *, interruptible: bool = True) -> Iterator[ProcessPoolExecutor]:
    """Start `count` new processes; on the way out, calls that have not begun are given up.

    After an error the processes are ended at once. Without `interruptible` they leave Ctrl-C to this process. Raises
    `WorkerDiedError` if one died, whether a call or its result shows it.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    others = set(active_children())
    # spawn, not fork: the caller may have threads running
    pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=_begin, initargs=(interruptible,))
    try:
        yield pool
    except BrokenProcessPool as error:
        text = "a worker process died, perhaps of too little memory: run again with --jobs 1"
        raise WorkerDiedError(text) from error
    except BaseException:
        for process in set(active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def in_processes(tasks: Sequence[_Task], work: Callable[[_Task], T], jobs: int) -> Iterator[T]:
    """Yield `work(task)` of each task as it is done, in any order; in this process if `jobs` is 1.

    Raises what `work` raises, and `WorkerDiedError` if a process dies.
    """
    if jobs == 1:
        yield from map(work, tasks)
        return
    with start_workers(min(jobs, max(len(tasks), 1))) as pool:
        for future in as_completed([pool.submit(work, task) for task in tasks]):
            yield future.result()


def per_process(make: Callable[..., T], *arguments: Hashable) -> T:
    """Return `make(*arguments)`, made once in each process: for what cannot travel, such as sessions and functions."""
    return cast(T, _made(make, arguments))


@lru_cache(maxsize=4)
def _made(make: Callable[..., object], arguments: tuple[Hashable, ...]) -> object:
    return make(*arguments)


def _begin(interruptible: bool) -> None:
    """Prepare a worker: it ends with its parent, for which it would else wait for ever if that was killed."""
    import signal
    import threading
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    if not interruptible:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None
    sentinel = parent.sentinel

    def follow() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
