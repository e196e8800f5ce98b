"""Worker processes: they end with the process that started them, and one that dies is reported, whenever it dies."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from distortion_heads.errors import WorkerDiedError

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing.process import BaseProcess

Each: TypeAlias = Callable[[Sequence[Any], Callable[[Any], Any], int], Iterator[Any]]
"""`in_processes`, or the same elsewhere."""

T = TypeVar("T")
_Task = TypeVar("_Task")


@contextmanager
def start_workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """Start `count` new processes; on the way out, calls that have not begun are given up.

    After an error the processes are ended at once; Ctrl-C they leave to this process. Raises `WorkerDiedError` if one
    died, whether a call or its result shows it.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    others = set(active_children())
    # spawn, not fork: the caller may have threads running
    pool = ProcessPoolExecutor(count, get_context("spawn"), initializer=_begin)
    try:
        with _interrupts_held():
            while len(pool._processes) < count:  # none may start while the pool finds out that another one died:
                pool.submit(os.getpid)  # CPython 3.11 would then wait for it for ever
        yield pool
    except BrokenProcessPool as error:
        # one that a call started while the pool found out would be waited for, and wait for work, for ever
        _end(set(active_children()) - others)
        text = "a worker process died, perhaps of too little memory: run again with --jobs 1"
        raise WorkerDiedError(text) from error
    except BaseException:
        _end(set(active_children()) - others)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _end(processes: Iterable[BaseProcess]) -> None:
    for process in processes:
        process.terminate()


def in_processes(tasks: Sequence[_Task], work: Callable[[_Task], T], jobs: int) -> Iterator[T]:
    """Yield `work(task)` of each task as it is done, in any order; in this process if `jobs` is 1.

    Raises what `work` raises, and `WorkerDiedError` if a process dies.
    """
    if jobs == 1:
        yield from map(work, tasks)
        return
    with start_workers(min(jobs, max(len(tasks), 1))) as pool:
        with _interrupts_held():  # in the midst of a call it could leave a lock of the pool taken
            begun = [pool.submit(work, task) for task in tasks]
        for future in as_completed(begun):
            yield future.result()


def per_process(make: Callable[..., T], *arguments: Hashable) -> T:
    """Return `make(*arguments)`, made once in each process: for what cannot travel, such as sessions and functions."""
    return cast(T, _made(make, arguments))


@lru_cache(maxsize=4)
def _made(make: Callable[..., object], arguments: tuple[Hashable, ...]) -> object:
    return make(*arguments)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let Ctrl-C wait; processes that are started meanwhile never see it, not even while they import."""
    import signal

    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with _interrupts_kept():
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Raise afterwards what comes meanwhile, for the system may give an interrupt to any other thread."""
    import signal
    import threading

    handler = signal.getsignal(signal.SIGINT)
    if handler is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)


def _begin() -> None:
    """Prepare a worker: it ends with its parent, for which it would else wait for ever if that was killed."""
    import signal
    import threading
    from multiprocessing import parent_process
    from multiprocessing.connection import wait
    from multiprocessing.util import Finalize

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it cannot be held; the one who asks ends the processes
    parent = parent_process()
    assert parent is not None
    sentinel = parent.sentinel

    def follow() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    Finalize(None, _leave_threads, exitpriority=-1000)


def _leave_threads() -> None:
    """End this worker, whose work is done, though a thread that a plugin began may run on."""
    import threading

    if threading.active_count() > 2:  # besides the one that follows the parent
        os._exit(0)
