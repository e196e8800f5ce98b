"""Run a plugin's code so that it neither writes into results nor holds or ends the program."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from types import FrameType
from typing import TextIO

from distortion_heads._system.printable import printable
from distortion_heads.errors import DheadsError
from distortion_heads.registry.at_exit import AtExit, say

TIMEOUT_VARIABLE = "DHEADS_PLUGIN_TIMEOUT"
DEFAULT_TIMEOUT = 60.0
"""Seconds for one step of one plugin: being imported, one hook, one picture or frame that is distorted."""

PLUGIN_THREAD = "plugin "
"""How the names of threads begin that a plugin has begun."""


class PluginTimeoutError(BaseException):
    """A plugin took too long; no `Exception`, so that the plugin does not catch it by the way."""


class PluginInterruptError(BaseException):
    """A plugin raised `KeyboardInterrupt`, and it was not the user's Ctrl-C."""


@contextmanager
def contained(owner: str, environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Send what is written to stdout to stderr meanwhile, limit the time, and undo what would harm others.

    Threads that are begun meanwhile get the name of the plugin in front, and end with the program unless they are made
    to stay. What is to be called at exit is contained too. Raises `PluginTimeoutError` after the seconds in
    `DHEADS_PLUGIN_TIMEOUT`, in the main thread alone.
    """
    depth = sys.getrecursionlimit()
    with ExitStack() as stack:
        stack.enter_context(_STDOUT_IS_STDERR)
        stack.enter_context(_named_threads(f"{PLUGIN_THREAD}{owner}: "))
        stack.enter_context(_AT_EXIT(lambda function: _run_at_exit(function, owner, environ)))
        stack.enter_context(_time_limit(_seconds(environ)))
        stack.enter_context(_own_interrupts())
        try:
            yield
        finally:
            sys.setrecursionlimit(max(depth, sys.getrecursionlimit()))


def failure_reason(error: BaseException) -> str:
    """Return one line; an error that is not ours needs its class to be understood."""
    if isinstance(error, SystemExit):
        return f"called sys.exit({error.code!r})"
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "(its message cannot be printed)"
    own = isinstance(error, DheadsError | PluginTimeoutError | PluginInterruptError)
    return text if own else f"{type(error).__name__}: {text or 'without a message'}"


def _run_at_exit(function: Callable[[], object], owner: str, environ: Mapping[str, str]) -> None:
    """Say what went wrong, for there is nobody left to be told; after the user's Ctrl-C the next one has its turn."""
    try:
        with contained(owner, environ):
            function()
    except KeyboardInterrupt:
        return
    except BaseException as error:
        say(f"dheads: warning: {PLUGIN_THREAD}{owner}, at exit: {printable(failure_reason(error))}")


_AT_EXIT = AtExit()


def _seconds(environ: Mapping[str, str]) -> float:
    try:
        return max(float(environ.get(TIMEOUT_VARIABLE) or DEFAULT_TIMEOUT), 0.0)
    except ValueError:
        return DEFAULT_TIMEOUT


@contextmanager
def _stdout_is_stderr() -> Iterator[None]:
    """Redirect `sys.stdout` and the descriptor below it; a plugin may close or replace either."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    kept: int | None = None
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # one of them is closed
        pass
    try:
        with _stderr_copy() as text, redirect_stdout(text):
            yield
    finally:
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)


class _StdoutIsStderr:
    """Redirects stdout while a thread runs a plugin: the first to enter does, the last to leave undoes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._stack = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._stack.enter_context(_stdout_is_stderr())
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._stack.close()


_STDOUT_IS_STDERR = _StdoutIsStderr()


@contextmanager
def _named_threads(prefix: str) -> Iterator[None]:
    """Name new threads, and let them be daemons, which a thread is where the one that makes it is one."""
    others, thread = set(threading.enumerate()), threading.current_thread()
    before = thread.daemon
    setattr(thread, "_daemonic", True)  # noqa: B010 - `daemon` cannot be set of a thread that runs
    try:
        yield
    finally:
        setattr(thread, "_daemonic", before)  # noqa: B010
        for new in set(threading.enumerate()) - others:
            new.name = prefix + new.name.removeprefix(prefix)


@contextmanager
def _stderr_copy() -> Iterator[TextIO]:
    try:
        target: int | str = os.dup(2)
    except OSError:
        target = os.devnull
    stream = open(target, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115, PTH123 - may be closed below
    try:
        yield stream
    finally:
        with suppress(OSError, ValueError):
            stream.close()


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    if not _can_handle("setitimer") or signal.getitimer(signal.ITIMER_REAL)[0] > 0:
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise PluginTimeoutError(f"took more than {seconds:g} s: set {TIMEOUT_VARIABLE} to more seconds")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _own_interrupts() -> Iterator[None]:
    """Tell Ctrl-C from a `KeyboardInterrupt` that the plugin raises itself, which becomes `PluginInterruptError`."""
    came = threading.Event()
    if not _can_handle("SIGINT") or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        with _not_interrupted(came):
            yield
        return
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def note(number: int, frame: FrameType | None) -> None:
        came.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        with _not_interrupted(came):
            yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def _not_interrupted(came: threading.Event) -> Iterator[None]:
    """Raise `PluginInterruptError` in place of a `KeyboardInterrupt` that is not the user's, which `came` would say."""
    try:
        yield
    except KeyboardInterrupt as error:
        if came.is_set() or type(error) is not KeyboardInterrupt:
            raise
        raise PluginInterruptError("raised KeyboardInterrupt") from None


def _can_handle(name: str) -> bool:
    return hasattr(signal, name) and threading.current_thread() is threading.main_thread()
