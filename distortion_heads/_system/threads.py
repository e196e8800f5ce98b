"""Work that goes on ahead of whoever asks for its results, which come in the order of the items."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

T = TypeVar("T")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

HELPER = "dheads: "
"""Begins the names of threads that make something ahead, which a program that was interrupted may end."""

QUEUED = 2
"""Items that are in work or wait for it, for each thread."""


class Pending(Protocol[R_co]):
    """Work under way, such as a future."""

    def result(self) -> R_co: ...


class Pool(Protocol):
    """Processes or threads that calls are handed to."""

    def submit(self, function: Callable[..., T], /, *arguments: Any) -> Pending[T]: ...


def usable_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered(
    items: Iterable[T], submit: Callable[[T], Pending[R]], ahead: int, cost: Callable[[T], int] = lambda item: 1
) -> Generator[R]:
    """Yield the results of `submit(item)` in the order of `items`, with `ahead` of them under way.

    Where items have a `cost`, what is under way, the result in use included, costs at most `ahead`, or is one item.
    An exception is raised where its result would have come.
    """
    waiting: deque[tuple[Pending[R], int]] = deque()
    total = 0

    def take() -> R:
        nonlocal total
        pending, price = waiting.popleft()
        total -= price
        return pending.result()

    for item in items:
        price = cost(item)
        while waiting and total + price > ahead:
            yield take()
        waiting.append((submit(item), price))
        total += price
        del item  # or it would be held while the next one is made
    while waiting:
        yield take()


def completed(work: Callable[[T], R], item: T) -> Future[R]:
    """Call `work(item)` now, in this thread, and return its result or exception as a future."""
    from concurrent.futures import Future

    done: Future[R] = Future()
    try:
        done.set_result(work(item))
    except Exception as error:
        done.set_exception(error)
    return done


def in_order(
    items: Iterable[T],
    work: Callable[[T], R],
    *,
    threads: int,
    is_large: Callable[[T], bool],
    work_alone: Callable[[T], R],
) -> Generator[R]:
    """Yield `work(item)` of each of `items`, `threads` at once; of a large one `work_alone(item)`, at work by itself.

    `work_alone` runs in the thread of whoever asks. Close the iterator to stop early.
    """
    ahead = QUEUED * threads
    with helpers(threads, "side-by-side") as pool:

        def submit(item: T) -> Future[R]:
            return completed(work_alone, item) if is_large(item) else pool.submit(work, item)

        yield from ordered(items, submit, ahead, lambda item: ahead if is_large(item) else 1)


@contextmanager
def helpers(threads: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Start a pool of threads, and wait for what they are at in the end, but not after Ctrl-C.

    That may have come while the pool or a result of it held a lock, which nobody would give back: the threads would
    wait for it, and the program for them.
    """
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(threads, thread_name_prefix=f"{HELPER}{name}")
    wait = True
    try:
        yield pool
    except KeyboardInterrupt:
        wait = False
        raise
    finally:
        pool.shutdown(wait, cancel_futures=True)


def still_running(threads: Sequence[threading.Thread], seconds: float) -> list[threading.Thread]:
    """Wait for `threads`, at most that many seconds together, and return those that run on."""
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0.0))
    return [thread for thread in threads if thread.is_alive()]
