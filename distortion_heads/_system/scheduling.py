"""How the system shares its cores among our threads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_native_id

TASKS = Path("/proc/self/task")


@contextmanager
def as_before() -> Iterator[None]:
    """Give all threads of this process the scheduling that they had, and new ones that of this thread.

    Opening SVT-AV1 as root, as in containers, makes the thread that does so a real-time one of the highest priority,
    and thereby all threads and processes that it starts: they go on before anything else, and may hang the machine.
    """
    if sys.platform != "linux":
        yield
        return
    before = _scheduling()
    usual = before[get_native_id()]
    try:
        yield
    finally:
        for thread, found in _scheduling().items():
            policy, priority = before.get(thread, usual)
            if found != (policy, priority):
                with suppress(ProcessLookupError):
                    os.sched_setscheduler(thread, policy, os.sched_param(priority))


def _scheduling() -> dict[int, tuple[int, int]]:
    """Return policy and priority of each thread of this process that has not ended meanwhile."""
    found = {}
    for thread in (int(task.name) for task in TASKS.iterdir()):
        with suppress(ProcessLookupError):
            found[thread] = os.sched_getscheduler(thread), os.sched_getparam(thread).sched_priority
    return found
