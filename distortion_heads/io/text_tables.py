"""Text files as spreadsheets and shells write them: any mark of the encoding, any separator of cells.

And tables that we write: a spreadsheet takes a cell that begins with one of `= + - @` for a formula. A path there gets
`./` in front, which names the same file, and any other text a `'`; control characters, and bytes of a path that are no
UTF-8, become `\\xNN`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TextIO

from distortion_heads._system.printable import printable

_SEP = re.compile(r'"?sep=(.)"?')
_SEPARATORS = ",;\t|"
_HEAD_BYTES = 4096
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[\d.]+(?:e[+-]?\d+)?", re.IGNORECASE)


def encoding_of(head: bytes) -> str:
    """Return the encoding of a text that begins with `head`: UTF-16 by its mark or its zero bytes, else UTF-8.

    Names that are separated by NUL are no UTF-16: without a mark it is one only if its ends of lines are.
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for encoding, zeros, end in (("utf-16-le", head[1::2], b"\n\x00"), ("utf-16-be", head[::2], b"\x00\n")):
        if end in head and zeros.count(0) > 0.4 * len(head) // 2:
            return encoding
    return "utf-8-sig"


def decoded(data: bytes, errors: str = "strict") -> str:
    """Return the text without its mark. Raises `UnicodeError` if it is neither UTF-8 nor UTF-16."""
    encoding = encoding_of(data[:_HEAD_BYTES])
    return data.decode(encoding, errors if encoding == "utf-8-sig" else "strict")


def open_text(file: Path) -> TextIO:
    """Open a text file for `csv_rows`; ends of lines stay as they are. Raises `OSError`."""
    with file.open("rb") as stream:
        encoding = encoding_of(stream.read(_HEAD_BYTES))
    return file.open(encoding=encoding, newline="")


def csv_rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the line in which each row ends, and its cells.

    Cells are separated by what `sep=;` in the first line says, which is no row, else by what is in the first line most
    often. Raises `csv.Error`.
    """
    lines = iter(lines)
    first = next(lines, "")
    said = _SEP.fullmatch(first.rstrip("\r\n"))
    separator = said[1] if said else max(_SEPARATORS, key=first.count)
    reader = csv.reader(lines if said else chain([first], lines), delimiter=separator)
    for cells in reader:
        yield reader.line_num + (said is not None), cells


def csv_path(path: str | None) -> str | None:
    """Return `path` as a cell."""
    return None if path is None else printable(reread_path(path))


def csv_text(text: str) -> str:
    """Return a text that is no path as a cell."""
    return printable(f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text)


def csv_cells(values: Iterable[object]) -> list[object]:
    """Return values that are no paths as the cells of a row."""
    return [csv_text(value) if isinstance(value, str) else value for value in values]


def reread_path(path: str) -> str:
    """Return `path` as a cell of a table that is read again: its bytes stay as they are."""
    return f"./{path}" if _FORMULA.match(path) else path
