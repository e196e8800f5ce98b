"""Progress bars on stderr: on a terminal, and nothing otherwise."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dheads_cli.output.console import is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress


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


@contextmanager
def progress_bar(*, wanted: bool = True, ticking: bool = False) -> Iterator[Bar]:
    """Show a bar that is gone afterwards; `ticking` redraws it from a thread, for work with long steps."""
    console = None
    if wanted and is_terminal(sys.stderr):
        from rich.console import Console

        console = Console(stderr=True, highlight=False, emoji=False)
    if console is None or not console.is_interactive:
        yield Bar()
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
