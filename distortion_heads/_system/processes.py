"""Worker processes: they end with the process that started them, and one that dies is reported, whenever it dies."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache
from typing import Protocol, TypeVar, cast

from distortion_heads.errors import WorkerDiedError

T = TypeVar("T")
_Task = TypeVar("_Task")


class Submit(Protocol):
    """Hands a call to a worker; function, arguments and result must be picklable."""

    def __call__(self, function: Callable[..., T], /, *arguments: object) -> Future[T]: ...


@contextmanager
def start_workers(count: int, *, interruptible: bool = True) -> Iterator[Submit]:
    """Start `count` new processes and give the function that hands them calls.

    A future raises what the call raises, and `WorkerDiedError` if a process died before or while it was in work. On
    the way out what has not begun is given up; after an error the processes are ended at once. Without `interruptible`
    the processes leave Ctrl-C to this one.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    others = set(active_children())
    # spawn, not fork: the caller may have threads running
    pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=_begin, initargs=(interruptible,))

    def submit(function: Callable[..., T], /, *arguments: object) -> Future[T]:
        result: Future[T] = Future()
        try:
            pool.submit(function, *arguments).add_done_callback(lambda done: _hand_on(done, result))
        except BrokenProcessPool as error:
            result.set_exception(_died(error))
        return result

    try:
        yield submit
    except BaseException:
        for process in set(active_children()) - others:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def in_processes(tasks: Sequence[_Task], work: Callable[[_Task], T], jobs: int) -> Iterator[T]:
    """Yield `work(task)` of each task as it is done, in any order; in this process if `jobs` is 1.

    Raises what `work` raises, and `WorkerDiedError` if a process dies.
    """
    if jobs == 1:
        yield from map(work, tasks)
        return
    with start_workers(min(jobs, max(len(tasks), 1))) as submit:
        for future in as_completed([submit(work, task) for task in tasks]):
            yield future.result()


def per_process(make: Callable[..., T], *arguments: Hashable) -> T:
    """Return `make(*arguments)`, made once in each process: for what cannot travel, such as sessions and functions."""
    return cast(T, _made(make, arguments))


@lru_cache(maxsize=4)
def _made(make: Callable[..., object], arguments: tuple[Hashable, ...]) -> object:
    return make(*arguments)


def _hand_on(done: Future[T], result: Future[T]) -> None:
    if done.cancelled():
        result.cancel()
    elif (error := done.exception()) is not None:
        result.set_exception(_died(error) if isinstance(error, BrokenProcessPool) else error)
    else:
        result.set_result(done.result())


def _died(error: BaseException) -> WorkerDiedError:
    died = WorkerDiedError("a worker process died, perhaps of too little memory: run again with --jobs 1")
    died.__cause__ = error
    return died


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
