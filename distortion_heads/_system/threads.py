"""Several items worked on at once, each in a thread of its own; the results come in the order of the items."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R")

QUEUED = 2
"""Items that are in work or wait for it, for each thread."""


def usable_cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    items: Iterable[T],
    work: Callable[[T], R],
    *,
    threads: int,
    is_large: Callable[[T], bool],
    work_alone: Callable[[T], R],
) -> Generator[R]:
    """`work` on each of `items`, `threads` at once; on a large one `work_alone`, while nothing else is in work.

    The latter runs in the thread of whoever asks. An exception is raised where its result would have come. Close the
    iterator to stop early.
    """
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(threads, thread_name_prefix="side-by-side")
    running: deque[Future[R]] = deque()
    try:
        for item in items:
            large = is_large(item)
            while running and (large or len(running) == QUEUED * threads):
                yield running.popleft().result()
            if large:
                yield work_alone(item)
            else:
                running.append(pool.submit(work, item))
            del item  # lest it be held while the next one is made
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
