"""Progress on stderr: a bar on a terminal; elsewhere long work tells a line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dheads_cli.output.console import complain, is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress


EVERY = 10.0
"""Seconds between two lines, where there is no bar."""


class Pace:
    """Measures how fast the work goes: over the last `WITHIN` seconds, so that a slow start is soon forgotten."""

    WITHIN = 30.0

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def rate(self, done: float, now: float | None = None) -> float | None:
        """Return how much is done per second, None while that is not known; where less is done, a stage begins."""
        now = time.monotonic() if now is None else now
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > self.WITHIN:
            self._seen.popleft()
        (first, before), (last, after) = self._seen[0], self._seen[-1]
        return (after - before) / (last - first) if last > first and after > before else None


REAL_TIME = "real time"
"""The unit of work on a video that is counted in its own seconds."""


def rate_text(rate: float, unit: str) -> str:
    """Return `12 pictures/s`, `0.4 pictures/s` or `2.5 pictures/min`; `1.5 x real time` for a video."""
    if unit == REAL_TIME:
        return f"{rate:.1f} x {unit}"
    if rate < 0.1:
        return f"{60 * rate:.1f} {unit}/min"
    return f"{rate:.0f} {unit}/s" if rate >= 10 else f"{rate:.1f} {unit}/s"


def left_text(seconds: float) -> str:
    """Return `2:05 left`, or `1:02:05 left`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} left" if hours else f"{minutes}:{rest:02d} left"


class Bar:
    """One line that shows how far the work is; without a `progress` it shows nothing."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress, self._pace = progress, Pace()
        self._task = None if progress is None else progress.add_task("", total=None, detail="")

    def show(self, done: float, total: float, stage: str = "", detail: str = "", unit: str = "") -> None:
        """Show how much of `total` is done; with a `unit`, as in "pictures", also how many of them a second."""
        if self._progress is not None and self._task is not None:
            pulse = total <= 1  # nothing in between
            rate = self._pace.rate(done) if unit else None
            told = f"{detail} {rate_text(rate, unit)}".strip() if rate else detail
            self._progress.update(
                self._task, completed=done, total=None if pulse else total, description=stage, detail=told
            )
            self._progress.refresh()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the bar away while something else is written to the terminal."""
        if self._progress is None:
            yield
            return
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()


class Lines(Bar):
    """Tells in a line how far the work is, at most once in `EVERY` seconds: for logs."""

    def __init__(self) -> None:
        super().__init__()
        self._told = time.monotonic()

    def show(self, done: float, total: float, stage: str = "", detail: str = "", unit: str = "") -> None:
        done = min(done, total) if total > 1 else done  # work in blocks may make more than was asked for
        rate = self._pace.rate(done)
        if time.monotonic() - self._told < EVERY:
            return
        self._told = time.monotonic()
        share = f"{done / total:.0%}" if total > 1 else ""
        pace = rate_text(rate, unit) if rate and unit else ""
        left = left_text((total - done) / rate) if rate and total > 1 else ""
        complain(", ".join(filter(None, (stage, share, detail, pace, left))) or "at work")


@contextmanager
def progress_bar(*, wanted: bool = True, ticking: bool = False, lines: bool = True) -> Iterator[Bar]:
    """Show a bar that is gone afterwards; `ticking` redraws it from a thread, for work with long steps.

    Where no terminal is, the bar is lines on stderr, or nothing without `lines`.
    """
    console = None
    if wanted and is_terminal(sys.stderr):
        from rich.console import Console

        console = Console(stderr=True, highlight=False, emoji=False)
    if console is None or not console.is_interactive:
        yield Lines() if wanted and lines and not is_terminal(sys.stderr) else Bar()
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, transient=True, auto_refresh=ticking, expand=True) as progress:
        yield Bar(progress)
