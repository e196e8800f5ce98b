"""The cells of a small Excel workbook as text."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
from warnings import catch_warnings

from distortion_heads.errors import DataError, MissingExtraError
from distortion_heads.io.time_limit import TimeLimit

MAX_PART_BYTES = 32 << 20
MAX_BYTES = 64 << 20
"""The sum of all parts, unpacked."""

MAX_PARTS = 1000
MAX_TAGS = 300_000
"""The sum of all parts: each costs up to 20 microseconds and a hundred bytes, however few it takes in the file."""

MAX_ROWS, MAX_CELLS = 100_000, 1_000_000
"""The sums of all sheets."""

MAX_COLUMNS = 256

_ENCODING = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["'](?!utf-8["'])""", re.IGNORECASE)


def read_sheets(file: Path) -> list[list[list[str]]]:
    """Return the rows of each sheet; an empty cell is "".

    Raises `DataError` for a file that cannot be read or is above the limits, `MissingExtraError` without openpyxl.
    """
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise MissingExtraError(f"reading {file.name}") from None
    try:
        with file.open("rb") as stream, catch_warnings(action="ignore"):  # of parts that nobody needs here
            time = TimeLimit(file.stat().st_size)
            _check_parts(stream)
            return list(_sheets(load_workbook(stream, read_only=True, data_only=True).worksheets, time))
    except DataError as error:
        raise DataError(f"{file}: {error}; export it as CSV") from None
    except Exception as error:  # openpyxl raises anything on damaged bytes
        raise DataError(f"{file}: no Excel workbook that can be read ({error}); export it as CSV") from None


def _check_parts(file: BinaryIO) -> None:
    """Raise `DataError` if a part would take too much memory once it is unpacked or its entities are replaced."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_BYTES:
            raise DataError(f"it has more than {MAX_PARTS} parts or {MAX_BYTES >> 20} MiB unpacked")
        tags = 0
        for part in parts:
            if part.file_size > MAX_PART_BYTES:
                raise DataError(f"{part.filename} is larger than {MAX_PART_BYTES >> 20} MiB")
            data = archive.read(part)
            tags += data.count(b"<")
            if tags > MAX_TAGS:
                raise DataError(f"it has more than {MAX_TAGS} tags")
            _check_text(part.filename, data)


def _check_text(name: str, data: bytes) -> None:
    """Refuse document types, which no workbook has, and encodings in which one could hide."""
    if not name.lower().endswith((".xml", ".rels")):
        return
    if b"\0" in data or _ENCODING.search(data[:1000]):
        raise DataError(f"{name} is in another encoding than UTF-8")
    if b"<!DOCTYPE" in data:
        raise DataError(f"{name} declares a document type")


def _sheets(sheets: list[Any], time: TimeLimit) -> Iterator[list[list[str]]]:
    rows = cells = 0
    for sheet in sheets:
        found: list[list[str]] = []
        for row in islice(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), MAX_ROWS + 1):
            rows, cells = rows + 1, cells + len(row)
            if rows > MAX_ROWS or cells > MAX_CELLS:
                raise DataError(f"it has more than {MAX_ROWS} rows or {MAX_CELLS} cells")
            time.check(DataError)
            found.append(["" if value is None else str(value) for value in row])
        yield found
