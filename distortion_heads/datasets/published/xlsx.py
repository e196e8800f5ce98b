"""The cells of a small Excel workbook as text."""

from __future__ import annotations

import zipfile
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
from warnings import catch_warnings

from distortion_heads.errors import DataError, MissingExtraError

MAX_PART_BYTES = 32 << 20
MAX_ROWS = 100_000
MAX_COLUMNS = 256


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
            _check_parts(stream)
            return [_rows(sheet) for sheet in load_workbook(stream, read_only=True, data_only=True).worksheets]
    except DataError as error:
        raise DataError(f"{file}: {error}") from None
    except Exception as error:  # openpyxl raises anything on damaged bytes
        raise DataError(f"{file}: no Excel workbook that can be read ({error}); export it as CSV") from None


def _check_parts(file: BinaryIO) -> None:
    """Raise `DataError` if a part would take too much memory once it is unpacked or its entities are replaced."""
    with zipfile.ZipFile(file) as archive:
        for part in archive.infolist():
            if part.file_size > MAX_PART_BYTES:
                raise DataError(f"{part.filename} is larger than {MAX_PART_BYTES >> 20} MiB")
            if b"<!DOCTYPE" in archive.read(part):  # no workbook has one
                raise DataError(f"{part.filename} declares a document type")


def _rows(sheet: Any) -> list[list[str]]:
    rows = list(islice(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        raise DataError(f"the sheet {sheet.title!r} has more than {MAX_ROWS} rows")
    return [["" if value is None else str(value) for value in row] for row in rows]
