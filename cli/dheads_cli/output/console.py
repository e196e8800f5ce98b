"""Text to people and programs: results to stdout, diagnostics to stderr. Imports rich only for a terminal."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from distortion_heads._system.errors_text import reason
from distortion_heads._system.printable import printable as printable
from distortion_heads.errors import DheadsError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table


def complain(message: str) -> None:
    """Write one line to stderr, if it can be written."""
    with suppress(OSError, AttributeError, ValueError):
        encoding = sys.stderr.encoding or "utf-8"
        sys.stderr.write(f"dheads: {printable(message)}\n".encode(encoding, "backslashreplace").decode(encoding))
        sys.stderr.flush()


def describe_bug(error: Exception) -> str:
    """Return a line about an exception that nobody raised on purpose, most often by a mistake of ours."""
    if isinstance(error, MemoryError):
        return f"not enough memory{f' ({error})' if str(error) else ''}: give less at once, or end other programs"
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"unexpected {what}: this is a bug, please report it (DHEADS_DEBUG=1 shows where)"


class ResultStream(io.TextIOBase):
    """Text to a stream of bytes, at once: what is written is out. For people `encoding` may be less than UTF-8.

    Raises `BrokenPipeError` if nobody reads on, `DheadsError` for all else that goes wrong.
    """

    def __init__(self, stream: IO[bytes], name: str, encoding: str = "utf-8") -> None:
        self._stream, self._name, self._encoding = stream, name, encoding

    def write(self, text: str) -> int:
        try:
            self._stream.write(text.encode(self._encoding, "backslashreplace"))
            self._stream.flush()
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:
            raise DheadsError(f"cannot write to {self._name}: {reason(error)}") from None
        return len(text)


def stdout_stream(*, machine: bool) -> ResultStream:
    """Return stdout; for machines always in UTF-8, with newlines as they are. Raises `DheadsError` if it is closed."""
    if sys.stdout is None:
        raise DheadsError("cannot write to standard output: it is closed")
    encoding = "utf-8" if machine else sys.stdout.encoding
    return ResultStream(sys.stdout.buffer, "standard output", encoding or "utf-8")


@contextmanager
def result_file(name: str, *, append: bool = False) -> Iterator[ResultStream]:
    """Open a file for results, or to add some. Raises `DheadsError` if it cannot be written."""
    try:
        stream = open(name, "ab" if append else "wb", buffering=0)  # noqa: SIM115, PTH123 - closed below
    except (OSError, ValueError) as error:
        raise DheadsError(f"cannot write to {name}: {reason(error)}") from None
    with stream:
        yield ResultStream(stream, name)


def silence_stdout() -> None:
    """Send what the interpreter still flushes to nowhere, after a closed pipe."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def close_results() -> None:
    """Send what is still written to stdout to stderr: results are complete, and plugins may print as they end."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        os.dup2(2, sys.stdout.fileno())


def is_terminal(stream: IO[str] | None) -> bool:
    """Return whether a person sees `stream`."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def plain_table(rows: list[list[str]], gap: int = 2) -> str:
    """Return `rows` as aligned columns without decoration."""
    if not rows:
        return ""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ((cell.ljust(width + gap) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{''.join(cells).rstrip()}\n" for cells in padded)


def rich_console() -> Console:
    """Return a console for stdout, to use with `rendered`."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, markup=False)


def rendered(console: Console, *renderables: RenderableType) -> str:
    """Return what `console` would print, so that one place writes it."""
    with console.capture() as capture:
        for renderable in renderables:
            console.print(renderable)
    return capture.get()


def styled(text: str, style: str) -> str:
    """Return `text` and a line end, in that style of rich."""
    from rich.text import Text

    return rendered(rich_console(), Text(text, style))


def table_text(
    header: Sequence[str], rows: Sequence[Sequence[str]], styles: Mapping[str, str], *, spare: str | None = None
) -> str:
    """Return a table: with rules and `styles` on a terminal, without `spare` if it is too wide; else plain."""
    if not is_terminal(sys.stdout):
        return plain_table([list(header), *map(list, rows)])
    console, table = rich_console(), rich_table(header, rows, styles)
    width = console.measure(table, options=console.options.update(width=1000)).maximum
    if spare is not None and width > console.width:
        kept = [column for column, name in enumerate(header) if name != spare]
        narrow = [[row[column] for column in kept] for row in (header, *rows)]
        table = rich_table(narrow[0], narrow[1:], styles)
    return rendered(console, table)


def rich_table(header: Sequence[str], rows: Iterable[Sequence[str]], styles: Mapping[str, str]) -> Table:
    """Return a table with a rule below its header and `styles` by column; long cells are folded, not cut."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    for name in header:
        table.add_column(name, style=styles.get(name, ""), overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
