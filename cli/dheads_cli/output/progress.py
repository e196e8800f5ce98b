"""Progress on stderr: a bar on a terminal; elsewhere long work tells a line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dheads_cli.output.console import complain, is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress


EVERY = 10.0
"""Seconds between two lines, where there is no bar."""


class Bar:
    """One line that shows how far the work is; without a `progress` it shows nothing."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._task = None if progress is None else progress.add_task("", total=None, detail="")

    def show(self, done: float, total: float, stage: str = "", detail: str = "") -> None:
        if self._progress is not None and self._task is not None:
            pulse = total <= 1  # nothing in between
            self._progress.update(
                self._task, completed=done, total=None if pulse else total, description=stage, detail=detail
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

    def show(self, done: float, total: float, stage: str = "", detail: str = "") -> None:
        if time.monotonic() - self._told < EVERY:
            return
        self._told = time.monotonic()
        share = f"{done / total:.0%}" if total > 1 else ""
        complain(", ".join(filter(None, (stage, share, detail))) or "at work")


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
