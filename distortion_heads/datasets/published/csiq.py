"""CSIQ (Larson, Chandler 2010): src_imgs/scene.png, dst_imgs/TYPE/scene.TYPE.l.png, csiq.DMOS.xlsx (optional)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from distortion_heads.datasets.published.files import corpus, expected, find, listing, number, pictures, table
from distortion_heads.datasets.published.xlsx import read_sheets
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError

KIND = "csiq"
LEVELS = 5
TYPES = {
    "awgn": "white_noise",
    "blur": "gaussian_blur",
    "contrast": "contrast_change",
    "fnoise": "pink_noise",
    "jpeg": "jpeg",
    "jpeg2000": "jpeg2000",
}
"""Label by the type in a file's name, in lower case."""

SCORES = "csiq.DMOS"
COLUMNS = ("image", "dst_type", "dst_lev", "dmos")
NOTES = (
    "contrast is lowered only; fnoise is noise with a 1/f spectrum, this project's pink_noise",
    "the levels 1 to 5 are taken for the severity, though their parameters are this dataset's own",
)

_NAME = re.compile(r"(.+)\.([a-z0-9]+)\.(\d)\.png", re.ASCII)

Key = tuple[str, str, int]


def parse_name(name: str) -> tuple[str, str, int] | None:
    """Return scene, label and level of `scene.TYPE.l.png` in either case; None if it is no such name."""
    match = _NAME.fullmatch(name.lower())
    if match is None or match[2] not in TYPES or not 1 <= int(match[3]) <= LEVELS:
        return None
    return match[1], TYPES[match[2]], int(match[3])


def fits(folder: Path) -> bool:
    """Return whether `dst_imgs` is there."""
    return find(folder, "dst_imgs") is not None


def read(folder: Path) -> Corpus:
    """Read the dataset. Raises `DataError`, which names the file that was expected."""
    distorted, originals = find(folder, "dst_imgs"), find(folder, "src_imgs")
    if distorted is None or originals is None:
        raise expected(folder, KIND, "dst_imgs/" if distorted is None else "src_imgs/")
    references = {Path(name).stem: path for name, path in pictures(originals).items()}
    scores, notes = _scores(folder)
    records = [Record(path=path, scene=scene) for scene, path in references.items()]
    for path in _distorted(distorted):
        parsed = parse_name(path.name)
        if parsed is None:
            raise DataError(f"{path}: no name like 1600.AWGN.1.png")
        scene, label, level = parsed
        if scene not in references:
            raise expected(folder, KIND, f"src_imgs/{scene}.png, the reference of {path.name}")
        records.append(
            Record(
                path=path,
                scene=scene,
                severities={label: float(level)},
                level=level,
                mos=scores.get(parsed),
                reference=references[scene],
                kind=label,
            )
        )
    found = corpus(KIND, folder, records, TYPES.values(), (*NOTES, *notes))
    return replace(found, mos_lower_better=True)


def _distorted(folder: Path) -> list[Path]:
    """Return all pictures of the types. Raises `DataError` if a type is missing or empty."""
    folders = {name.lower(): folder / name for name in listing(folder)}
    found = []
    for kind in TYPES:
        images = pictures(folders[kind]) if kind in folders else {}
        if not images:
            raise expected(folder.parent, KIND, f"pictures in {folder.name}/{kind}/")
        found += list(images.values())
    return found


def _scores(folder: Path) -> tuple[dict[Key, float], tuple[str, ...]]:
    """Return DMOS by scene, label and level, from the owners' workbook or a CSV export of it; and notes on it."""
    file = find(folder, f"{SCORES}.csv", f"{SCORES}.xlsx")
    if file is None:
        return {}, (f"no {SCORES}.xlsx: no opinion scores",)
    if file.suffix.lower() == ".csv":
        return {_key(row, where): number(row["dmos"], where, "dmos") for where, row in table(file, *COLUMNS)}, ()
    for rows in read_sheets(file):
        found = {_key(row, where): number(row["dmos"], where, "dmos") for where, row in _named(rows, str(file))}
        if found:
            return found, ()
    raise DataError(f"{file}: no sheet has the columns {', '.join(COLUMNS)}; export the right one as {SCORES}.csv")


def _named(rows: list[list[str]], where: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Return the rows below the one that names the columns, wherever that is."""
    header: list[str] | None = None
    for index, cells in enumerate(rows, 1):
        names = [cell.strip().lower() for cell in cells]
        if header is None:
            header = names if set(COLUMNS) <= set(names) else None
            continue
        row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
        if row.get("dmos") and row.get("image"):
            yield f"{where}, row {index}", row


def _key(row: Mapping[str, str], where: str) -> Key:
    kind = row["dst_type"].lower().replace(" ", "")
    label = TYPES.get({"noise": "awgn"}.get(kind, kind))
    if label is None:
        raise DataError(f"{where}: the type {row['dst_type']!r} is none of {', '.join(TYPES)}")
    return row["image"].lower(), label, int(number(row["dst_lev"], where, "level"))
