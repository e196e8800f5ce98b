"""What the loaders share: listing folders, reading small text tables within limits, and the errors they raise."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from distortion_heads._system.errors_text import reason
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError, InvalidLabelError
from distortion_heads.io.inputs import IMAGE_SUFFIXES
from distortion_heads.io.inputs import VIDEO_SUFFIXES as VIDEO_SUFFIXES
from distortion_heads.spec import check_label

MAX_RECORDS = 1_000_000
MAX_TABLE_BYTES = 256 << 20
MAX_FIELD = 4096
"""Longest cell of a table in characters: a path, which no file system allows to be longer."""

UNKNOWN = math.nan
CLEAN_NAMES = frozenset(("", "clean", "reference", "none", "pristine"))


def find(folder: Path, *names: str) -> Path | None:
    """The file or folder of one of `names`, upper and lower case alike; the first of `names` that is there."""
    entries = {entry.lower(): entry for entry in sorted(listing(folder), reverse=True)}
    return next((folder / entries[name.lower()] for name in names if name.lower() in entries), None)


def listing(folder: Path) -> list[str]:
    """Names in `folder`, sorted; none if it is no folder. Raises `DataError` if it cannot be read."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names are wanted, of ten thousands of files
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError) as error:
        raise unreadable(folder, error) from None


def pictures(folder: Path, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> dict[str, Path]:
    """The pictures directly in `folder`, by name in lower case. Raises `DataError` if two differ in case alone."""
    found: dict[str, Path] = {}
    for name in listing(folder):
        if name.startswith(".") or Path(name).suffix.lower() not in suffixes:
            continue
        other = found.setdefault(name.lower(), folder / name)
        if other.name != name:
            raise DataError(f"{folder} holds both {other.name} and {name}: keep one of them")
    return found


def below(folder: Path, suffixes: frozenset[str]) -> Iterator[Path]:
    """The visible files below `folder` with one of `suffixes`, sorted by folder; links to folders are not followed."""

    def fail(error: OSError) -> None:
        raise unreadable(folder, error)

    count = 0
    for top, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in suffixes:
                count += 1
                if count > MAX_RECORDS:
                    raise DataError(f"{folder}: more than {MAX_RECORDS} files; give a part of it")
                yield Path(top) / name


def text_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of the lines of `file` that are not blank. Raises `DataError`."""
    with _opened(file) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, line.strip()


def table(file: Path, *needed: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Rows of a CSV file in UTF-8: where each is ("FILE, line N") and its cells, stripped, by lower-case column.

    Raises `DataError` if a column of `needed` is missing, a column occurs twice, or a limit is exceeded.
    """
    with _opened(file) as lines:
        reader = csv.reader(lines)
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(file, header, needed)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            where = f"{file}, line {reader.line_num}"
            if len(cells) > len(header):
                raise DataError(f"{where}: {len(cells)} cells for {len(header)} columns")
            if any(len(cell) > MAX_FIELD for cell in cells):
                raise DataError(f"{where}: a cell of more than {MAX_FIELD} characters")
            padded = [*(cell.strip() for cell in cells), *[""] * (len(header) - len(cells))]
            yield where, dict(zip(header, padded, strict=True))


def _check_header(file: Path, header: Sequence[str], needed: Sequence[str]) -> None:
    missing = [name for name in needed if name not in header]
    if missing:
        raise DataError(f"{file}, line 1: no column {' and '.join(missing)}; the first line must name the columns")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{file}, line 1: the column {twice[0]!r} occurs twice")


class _opened:  # noqa: N801 - used like a function
    """The lines of a text file, with `DataError` for all that is wrong with it, also while it is read."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> Iterator[str]:
        try:
            if not self._file.is_file():
                raise DataError(f"{self._file} is missing or no file")
            size = self._file.stat().st_size
            self._stream = self._file.open(encoding="utf-8-sig", newline="")
        except (OSError, ValueError) as error:
            raise unreadable(self._file, error) from None
        if size > MAX_TABLE_BYTES:
            self._stream.close()
            raise DataError(f"{self._file}: larger than {MAX_TABLE_BYTES >> 20} MiB")
        return self._lines()

    def _lines(self) -> Iterator[str]:
        for number, line in enumerate(self._stream):
            if number > MAX_RECORDS:
                raise DataError(f"{self._file}: more than {MAX_RECORDS} lines")
            yield line

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._stream.close()
        if isinstance(error, UnicodeError | csv.Error):
            raise DataError(f"{self._file}: no table in UTF-8 text ({error})") from None
        if isinstance(error, OSError):
            raise unreadable(self._file, error) from None


def plain_name(name: str, where: str) -> str:
    """`name` if it names a file in a folder and nothing else; raises `DataError` for a path that leads elsewhere."""
    if not name or name in (".", "..") or re.search(r"[/\\\0]", name):
        raise DataError(f"{where}: {name!r} is no plain file name")
    return name


def number(text: str, where: str, what: str) -> float:
    """A finite decimal number. Raises `DataError`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{where}: the {what} is {text!r}, not a number")
    return value


def labels_of(name: str, where: str) -> tuple[str, ...]:
    """The labels that a folder or cell names, such as "jpeg+White noise"; none for "clean". Raises `DataError`."""
    if name.strip().lower() in CLEAN_NAMES:
        return ()
    labels = [re.sub(r"[\s-]+", "_", part.strip().lower()) for part in name.split("+")]
    try:
        return tuple(dict.fromkeys(check_label(label) for label in labels))
    except InvalidLabelError as error:
        raise DataError(f"{where}: {error}") from None


def expected(folder: Path, kind: str, what: str) -> DataError:
    """The error for an incomplete dataset: `what` names the file or folder that was expected."""
    return DataError(f"{folder}: no complete {kind} dataset: expected {what}")


def unreadable(path: Path, error: OSError | ValueError) -> DataError:
    return DataError(f"{path}: cannot be read: {reason(error).lower()}")


def corpus(
    name: str, folder: Path, records: Iterable[Record], order: Iterable[str] = (), notes: Sequence[str] = ()
) -> Corpus:
    """Sorted by path; labels in `order`, then by name; only those that occur. Raises `DataError` if it is empty."""
    found = tuple(sorted(records, key=lambda record: record.path))
    if not found:
        raise DataError(f"{folder}: no picture of a {name} dataset")
    present = {label for record in found for label in record.severities}
    labels = [label for label in dict.fromkeys(order) if label in present]
    labels += sorted(present.difference(labels))
    return Corpus(name=name, folder=folder, labels=tuple(labels), records=found, notes=tuple(notes))


def scenes_by_name(records: Sequence[Record]) -> list[Record]:
    """Records without a scene get one: pictures are of one scene if they are called alike.

    That is if they have the same stem, or one stem continues the other after a separator (photo, photo_blur).
    """
    stems = {record.path.stem for record in records if not record.scene}
    roots = {stem: _root(stem, stems) for stem in stems}
    return [record if record.scene else replace(record, scene=roots[record.path.stem]) for record in records]


def _root(stem: str, stems: set[str]) -> str:
    starts = (stem[: match.start()] for match in re.finditer(r"[-_. ]", stem))
    return next((start for start in starts if start in stems), stem)
