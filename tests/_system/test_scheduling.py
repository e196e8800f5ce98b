"""Threads that a library made real-time ones are so no longer."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

import pytest

from distortion_heads._system.scheduling import as_before

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have other ways")


def hurry(thread: int = 0) -> None:
    try:
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        pytest.skip("only root may hurry")


def test_all_threads_are_scheduled_as_before() -> None:
    stop = threading.Event()
    old, new = (threading.Thread(target=stop.wait, daemon=True) for _ in range(2))
    old.start()
    try:
        with as_before():
            hurry()
            new.start()  # which takes after this one
            assert new.native_id is not None
            assert os.sched_getscheduler(new.native_id) == os.SCHED_FIFO
            hurry(old.native_id or 0)
        found = [os.sched_getscheduler(thread) for thread in (0, old.native_id or 0, new.native_id)]
        assert found == [os.SCHED_OTHER] * 3
    finally:
        stop.set()


def test_one_who_hurries_already_goes_on() -> None:
    found: list[int] = []

    def run() -> None:
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
            with as_before():
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(9))
            found.extend([os.sched_getscheduler(0), os.sched_getparam(0).sched_priority])

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if not found:
        pytest.skip("only root may hurry")
    assert found == [os.SCHED_FIFO, 1]
