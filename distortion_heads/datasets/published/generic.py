"""Pictures that are no published dataset: a folder with a sub-folder per label, or a CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from distortion_heads.datasets.published import files
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError
from distortion_heads.io.unread import Unread, files_below
from distortion_heads.spec import MAX_SEVERITY, MIN_SEVERITY

FOLDER, CSV = "folder", "csv"
CLEAN = "clean"
NEGATIVE = "negative"
RESERVED = ("path", "label", "group", "severity", "level", "mos", "reference", "start", "end")
"""Columns with a meaning of their own; every other is a label with 0 or 1 in its cells."""


def fits_folder(folder: Path) -> bool:
    """Return whether there is a `clean` sub-folder, which such a folder must have."""
    return any(name.lower() == CLEAN and (folder / name).is_dir() for name in files.listing(folder))


def read_folder(folder: Path) -> Corpus:
    """Read pictures and videos below LABEL/ (or A+B/ for both) and below clean/; severities are unknown.

    What is a picture or video is told by content, else by suffix. Pictures called alike are of one scene. Raises
    `DataError`.
    """
    records: list[Record] = []
    unread: list[Unread] = []
    for name in files.listing(folder):
        if name.startswith(".") or not (folder / name).is_dir():
            continue
        files.listing(folder / name)  # raises where nobody may look
        if name.lower() == NEGATIVE:
            raise DataError(f"{folder / name}: what is in these pictures? name their labels, or call the folder clean")
        severities = dict.fromkeys(files.labels_of(name, str(folder)), files.UNKNOWN)
        found, failed = files_below(folder / name, videos=True, most=files.MAX_RECORDS + 1)
        if len(found) > files.MAX_RECORDS:
            raise DataError(f"{folder / name}: more than {files.MAX_RECORDS} files; give a part of it")
        records += [Record(path=path, scene="", severities=severities) for path in found]
        unread += [item for item in failed if item.path != folder / name]  # which may well be empty
    if not records:
        raise DataError(f"{folder}: expected sub-folders LABEL/ and clean/ with pictures in them")
    return replace(files.corpus(FOLDER, folder, files.scenes_by_name(records)), unread=tuple(unread))


def read_csv(file: Path) -> Corpus:
    """Read `path,label`, the label a name ("jpeg", "jpeg+white_noise", "clean"); or `path` and a 0/1 column per label.

    Optional: `group` (scene), `severity` in [1, 5], `level`, `mos`, `reference`. Relative paths start at the folder
    of `file`. Raises `DataError`, which names the line.
    """
    records = [_record(row, file.parent, where) for where, row in files.table(file, "path")]
    twice = len(records) - len({record.path for record in records})
    if twice:
        raise DataError(f"{file}: {twice} of the paths are listed twice; write all labels of a picture in one line")
    return files.corpus(CSV, file, files.scenes_by_name(records))


def _record(row: Mapping[str, str], folder: Path, where: str) -> Record:
    labels = _labels(row, where)
    if row.get("start") or row.get("end"):
        raise DataError(f"{where}: a video is judged as a whole here: leave start and end out, or cut the video")
    severity = files.UNKNOWN
    if row.get("severity"):
        severity = files.number(row["severity"], where, "severity")
        if not MIN_SEVERITY <= severity <= MAX_SEVERITY:
            raise DataError(f"{where}: the severity {severity:g} is outside [{MIN_SEVERITY:g}, {MAX_SEVERITY:g}]")
    return Record(
        path=_file(row["path"], folder, where),
        scene=row.get("group", ""),
        severities=dict.fromkeys(labels, severity),
        level=int(files.number(row["level"], where, "level")) if row.get("level") else None,
        mos=files.number(row["mos"], where, "mos") if row.get("mos") else None,
        reference=_file(row["reference"], folder, where) if row.get("reference") else None,
        kind="+".join(labels),
    )


def _labels(row: Mapping[str, str], where: str) -> tuple[str, ...]:
    if "label" in row:
        if row["label"] in ("0", "1"):
            raise DataError(f"{where}: the label is {row['label']!r}; write the name of the distortion, or clean")
        return files.labels_of(row["label"], where)
    present = []
    for column, cell in row.items():
        if column not in RESERVED:
            if cell not in ("0", "1"):
                raise DataError(f"{where}: the cell of {column!r} is {cell!r}; write 1 (has the distortion) or 0")
            present += [column] * (cell == "1")
    return files.labels_of("+".join(present), where)


def _file(name: str, folder: Path, where: str) -> Path:
    if not name or not files.is_file(folder / name):
        raise DataError(f"{where}: no such file: {name!r}")
    return folder / name
