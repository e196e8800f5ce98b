"""Processes that were started in a session of their own, for tests that kill one."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any


def wait_until(condition: Any, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def processes_of_session(session: int) -> list[int]:
    """Living processes; zombies wait for whoever adopted them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, its_session = stat.read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                found.append(int(stat.parent.name))
    return found
