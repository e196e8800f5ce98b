"""The cells of a small Excel workbook as text (ECMA-376, Office Open XML): values only, without an office library."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from distortion_heads.errors import DataError

MAX_PART_BYTES = 32 << 20
MAX_COLUMNS = 256
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def read_sheets(file: Path) -> list[list[list[str]]]:
    """The rows of each sheet, in the order of their files; a missing cell is "". Raises `DataError`."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = sorted(name for name in archive.namelist() if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", name))
            texts = _shared_texts(archive)
            return [_rows(_part(archive, name), texts) for name in names]
    except DataError as error:
        raise DataError(f"{file}: {error}") from None
    except (OSError, zipfile.BadZipFile, ElementTree.ParseError, ValueError, IndexError, NotImplementedError) as error:
        raise DataError(f"{file}: no Excel workbook that can be read ({error}); export it as CSV") from None


def _part(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    if archive.getinfo(name).file_size > MAX_PART_BYTES:
        raise DataError(f"{name} is larger than {MAX_PART_BYTES >> 20} MiB")
    with archive.open(name) as stream:
        data = stream.read(MAX_PART_BYTES + 1)
    if b"<!DOCTYPE" in data:  # no workbook has one, and entities could grow without end
        raise DataError(f"{name} declares a document type")
    return ElementTree.fromstring(data)


def _shared_texts(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    items = _part(archive, "xl/sharedStrings.xml").iter(f"{_MAIN}si")
    return ["".join(text.text or "" for text in item.iter(f"{_MAIN}t")) for item in items]


def _rows(sheet: ElementTree.Element, texts: list[str]) -> list[list[str]]:
    rows = []
    for row in sheet.iter(f"{_MAIN}row"):
        cells: list[str] = []
        for cell in row.iter(f"{_MAIN}c"):
            column = _column(cell.get("r"), len(cells))
            cells += [""] * (column - len(cells))
            cells.append(_value(cell, texts))
        rows.append(cells)
    return rows


def _column(reference: str | None, default: int) -> int:
    """Column from 0 of a reference such as "AB12"."""
    letters = re.match(r"[A-Z]{1,3}", reference or "")
    if letters is None:
        return default
    column = 0
    for letter in letters[0]:
        column = column * 26 + ord(letter) - ord("A") + 1
    if not default < column <= MAX_COLUMNS:
        raise DataError(f"cell {reference} is out of order or beyond {MAX_COLUMNS} columns")
    return column - 1


def _value(cell: ElementTree.Element, texts: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return "".join(text.text or "" for text in cell.iter(f"{_MAIN}t"))
    value = cell.findtext(f"{_MAIN}v") or ""
    if cell.get("t") != "s":
        return value
    index = int(value)
    if index < 0:
        raise DataError("a text has a negative number")
    return texts[index]
