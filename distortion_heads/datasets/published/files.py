"""Folders, small text tables within limits and errors, as all readers of datasets need them."""

from __future__ import annotations

import csv
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from distortion_heads._system.errors_text import reason
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError, InvalidLabelError
from distortion_heads.io.inputs import IMAGE_SUFFIXES
from distortion_heads.io.text_tables import csv_rows, open_text
from distortion_heads.io.time_limit import TimeLimit
from distortion_heads.spec import check_label

MAX_RECORDS = 1_000_000
MAX_TABLE_BYTES = 256 << 20
MAX_COLUMNS = 1000
MAX_CELLS = 20_000_000
MAX_FIELD = 4096
"""Longest cell of a table in characters: a path, which no file system allows to be longer."""

UNKNOWN = math.nan
CLEAN_NAMES = frozenset(("", "clean", "reference", "none", "pristine"))


def find(folder: Path, *names: str) -> Path | None:
    """Return the first of `names` that is in `folder`, upper and lower case alike."""
    entries = {entry.lower(): entry for entry in sorted(listing(folder), reverse=True)}
    return next((folder / entries[name.lower()] for name in names if name.lower() in entries), None)


def listing(folder: Path) -> list[str]:
    """Return the names in `folder`, sorted; none if it is no folder. Raises `DataError` if it cannot be read."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names are wanted, of ten thousands of files
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError) as error:
        raise unreadable(folder, error) from None


def is_file(path: Path) -> bool:
    """Return whether there is such a file; False also where nobody may look, or for no valid path."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises


def is_folder(path: Path) -> bool:
    """Return whether there is such a folder; False also where nobody may look, or for no valid path."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises


def pictures(folder: Path, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> dict[str, Path]:
    """Return the pictures in `folder` by name in lower case. Raises `DataError` if two differ in case alone."""
    found: dict[str, Path] = {}
    for name in listing(folder):
        if name.startswith(".") or Path(name).suffix.lower() not in suffixes:
            continue
        other = found.setdefault(name.lower(), folder / name)
        if other.name != name:
            raise DataError(f"{folder} holds both {other.name} and {name}: keep one of them")
    return found


def below(folder: Path, suffixes: frozenset[str]) -> Iterator[Path]:
    """Return the visible files below `folder` with one of `suffixes`, sorted; links to folders are not followed."""

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


def text_lines(file: Path) -> Iterator[tuple[str, str]]:
    """Return where each line of `file` that is not blank is ("FILE, line N"), and its text. Raises `DataError`."""
    with _opened(file) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield f"{file}, line {number}", line.strip()


def table(file: Path, *needed: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Return the rows of a CSV file: where each is, and its cells, stripped, by lower-case column.

    Raises `DataError` if a column of `needed` is missing, a column occurs twice, or a limit is exceeded.
    """
    with _opened(file) as lines:
        rows = csv_rows(lines)
        header = [name.strip().lower() for name in next(rows, (0, []))[1]]
        _check_header(file, header, needed)
        for count, (line, cells) in enumerate(rows, 1):
            if count * len(header) > MAX_CELLS:
                raise DataError(f"{file}: more than {MAX_CELLS} cells: leave out the columns that nobody needs")
            if not any(cell.strip() for cell in cells):
                continue
            where = f"{file}, line {line}"
            if len(cells) > len(header):
                raise DataError(f"{where}: {len(cells)} cells for {len(header)} columns")
            if any(len(cell) > MAX_FIELD for cell in cells):
                raise DataError(f"{where}: a cell of more than {MAX_FIELD} characters")
            padded = [*(cell.strip() for cell in cells), *[""] * (len(header) - len(cells))]
            yield where, dict(zip(header, padded, strict=True))


def _check_header(file: Path, header: Sequence[str], needed: Sequence[str]) -> None:
    if len(header) > MAX_COLUMNS:
        raise DataError(f"{file}, line 1: more than {MAX_COLUMNS} columns")
    missing = [name for name in needed if name not in header]
    if missing:
        raise DataError(f"{file}, line 1: no column {' and '.join(missing)}; the first line must name the columns")
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if twice:
        raise DataError(f"{file}, line 1: the column {twice[0]!r} occurs twice")


@contextmanager
def _opened(file: Path) -> Iterator[Iterator[str]]:
    """Give the lines of a text file, with `DataError` for all that is wrong with it, also while it is read."""
    try:
        if not file.is_file():
            raise DataError(f"{file} is missing or no file")
        size = file.stat().st_size
        if size > MAX_TABLE_BYTES:
            raise DataError(f"{file}: larger than {MAX_TABLE_BYTES >> 20} MiB")
        with open_text(file) as stream:
            yield _limited(stream, file, TimeLimit(size))
    except (UnicodeError, csv.Error) as error:
        raise DataError(f"{file}: no table in UTF-8 or UTF-16 text ({error})") from None
    except (OSError, ValueError) as error:
        raise unreadable(file, error) from None


def _limited(lines: Iterable[str], file: Path, time: TimeLimit) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number > MAX_RECORDS:
            raise DataError(f"{file}: more than {MAX_RECORDS} lines")
        if (late := time.reason) is not None:
            raise DataError(f"{file}: {late}")
        yield line


def plain_name(name: str, where: str) -> str:
    """Return `name` if it names a file in a folder; raises `DataError` for a path that leads elsewhere."""
    if not name or name in (".", "..") or re.search(r"[/\\\0]", name):
        raise DataError(f"{where}: {name!r} is no plain file name")
    return name


def numbered_name(
    name: str, pattern: re.Pattern[str], types: Sequence[str], levels: int
) -> tuple[str, str, int] | None:
    """Return scene ("I01"), label and level of a name such as "i01_05_2.png" in either case; None if it is none.

    The groups of `pattern`, in lower case, are the numbers of scene, type (from 1) and level.
    """
    match = pattern.fullmatch(name.lower())
    if match is None:
        return None
    kind, level = int(match[2]), int(match[3])
    if not (1 <= kind <= len(types) and 1 <= level <= levels):
        return None
    return f"I{match[1]}", types[kind - 1], level


def with_references(records: Iterable[tuple[str, Record]]) -> dict[Path, Record]:
    """Return by path the records, each given with where it is listed, and one for each of their references.

    Raises `DataError` if a file is listed twice.
    """
    found: dict[Path, Record] = {}
    for where, record in records:
        if record.path in found:
            raise DataError(f"{where}: {record.path.name} is listed twice")
        found[record.path] = record
        if record.reference is not None:
            found.setdefault(record.reference, Record(path=record.reference, scene=record.scene))
    return found


def number(text: str, where: str, what: str) -> float:
    """Return a finite decimal number. Raises `DataError`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{where}: the {what} is {text!r}, not a number")
    return value


def labels_of(name: str, where: str) -> tuple[str, ...]:
    """Return the labels that a folder or cell names, as "jpeg+White noise"; none for "clean". Raises `DataError`."""
    if name.strip().lower() in CLEAN_NAMES:
        return ()
    labels = [re.sub(r"[\s-]+", "_", part.strip().lower()) for part in name.split("+")]
    try:
        return tuple(dict.fromkeys(check_label(label) for label in labels))
    except InvalidLabelError as error:
        raise DataError(f"{where}: {error}") from None


def expected(folder: Path, kind: str, what: str) -> DataError:
    """Return the error for an incomplete dataset: `what` names the file or folder that was expected."""
    return DataError(f"{folder}: no complete {kind} dataset: expected {what}")


def unreadable(path: Path, error: OSError | ValueError) -> DataError:
    return DataError(f"{path}: cannot be read: {reason(error).lower()}")


def corpus(
    name: str, folder: Path, records: Iterable[Record], order: Iterable[str] = (), notes: Sequence[str] = ()
) -> Corpus:
    """Make a dataset: records by path; labels in `order`, then by name. Raises `DataError` if it is empty."""
    found = tuple(sorted(records, key=lambda record: record.path))
    if not found:
        raise DataError(f"{folder}: no picture of a {name} dataset")
    present = {label for record in found for label in record.severities}
    labels = [label for label in dict.fromkeys(order) if label in present]
    labels += sorted(present.difference(labels))
    return Corpus(name=name, folder=folder, labels=tuple(labels), records=found, notes=tuple(notes))


def scenes_by_name(records: Sequence[Record]) -> list[Record]:
    """Give records without a scene that of the same stem, or of one that theirs continues (photo, photo_blur)."""
    stems = {record.path.stem for record in records if not record.scene}
    roots = {stem: _root(stem, stems) for stem in stems}
    return [record if record.scene else replace(record, scene=roots[record.path.stem]) for record in records]


def _root(stem: str, stems: set[str]) -> str:
    starts = (stem[: match.start()] for match in re.finditer(r"[-_. ]", stem))
    return next((start for start in starts if start in stems), stem)
