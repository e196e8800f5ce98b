"""A pool of processes that end with the process that started them, also where it is killed."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor


def worker_pool(workers: int, prepare: Callable[..., object] | None = None, *arguments: object) -> ProcessPoolExecutor:
    """New processes, in each of which `prepare(*arguments)` is called first; all of it must be picklable."""
    from multiprocessing import get_context

    # spawn, not fork: the caller may have threads running
    return ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin, initargs=(prepare, arguments))


def _begin(prepare: Callable[..., object] | None, arguments: tuple[object, ...]) -> None:
    _end_with_parent()
    if prepare is not None:
        prepare(*arguments)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    import threading
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    assert parent is not None
    sentinel = parent.sentinel

    def follow() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
