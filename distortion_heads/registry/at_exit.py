"""Run what a plugin registers for the exit with the care of its other steps, so that it cannot keep the program."""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

Runner = Callable[[Callable[[], object]], None]
"""Calls a function of a plugin."""


class AtExit:
    """Takes the place of `atexit.register` while plugins run: the first to enter puts it there, the last removes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._register = atexit.register
        self._runners = threading.local()

    @contextmanager
    def __call__(self, run: Runner) -> Iterator[None]:
        """Let what this thread registers meanwhile be called by `run`."""
        outer: Runner | None = getattr(self._runners, "last", None)
        self._runners.last = run
        self._enter()
        try:
            yield
        finally:
            self._leave()
            self._runners.last = outer

    def _enter(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._register = atexit.register
                setattr(atexit, "register", self._registered)  # noqa: B010 - a function of a module
            self._inside += 1

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                setattr(atexit, "register", self._register)  # noqa: B010

    def _registered(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Callable[..., Any]:
        """Register as `atexit.register` does, and return the function."""
        run: Runner | None = getattr(self._runners, "last", None)
        self._register(function if run is None else _Handler(function, run), *arguments, **named)
        return function


class _Handler:
    """Equal to the function that it calls, for `atexit.unregister` compares."""

    def __init__(self, function: Callable[..., Any], run: Runner) -> None:
        self._function, self._run = function, run

    def __call__(self, *arguments: Any, **named: Any) -> None:
        self._run(lambda: self._function(*arguments, **named))

    def __eq__(self, other: object) -> bool:
        return bool(self._function == other)

    def __hash__(self) -> int:
        return hash(self._function)


def say(line: str) -> None:
    """Write a line to stderr, if it can be written."""
    with suppress(OSError, AttributeError, ValueError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
