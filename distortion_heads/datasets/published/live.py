"""LIVE Image Quality Assessment Database, release 2 (Sheikh et al. 2006).

jp2k/, jpeg/, wn/, gblur/ and fastfading/, each with img1.bmp ... and info.txt; refimgs/; dmos.mat and
dmos_realigned.mat (optional), which hold the scores of all pictures one folder after the other.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from distortion_heads.datasets.published.files import (
    MAX_TABLE_BYTES,
    UNKNOWN,
    corpus,
    expected,
    find,
    number,
    pictures,
    plain_name,
    text_lines,
)
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError

KIND = "live"
TYPES = {
    "jp2k": "jpeg2000",
    "jpeg": "jpeg",
    "wn": "white_noise",
    "gblur": "gaussian_blur",
    "fastfading": "fast_fading",
}
"""Label by folder, in the order of the scores."""

SCORES = (("dmos_realigned.mat", "dmos_new"), ("dmos.mat", "dmos"))
ORIGINALS = "orgs"
ZERO_IS_CLEAN = frozenset(("wn", "gblur"))
"""Folders whose parameter is the standard deviation of the distortion."""

_NAME = re.compile(r"img(\d{1,4})\.(?:bmp|png)", re.ASCII)


def parse_name(name: str) -> int | None:
    """The number of `img12.bmp`, from 1; None if it is no such name."""
    match = _NAME.fullmatch(name.lower())
    return int(match[1]) or None if match else None


def fits(folder: Path) -> bool:
    """Whether `refimgs` is there and at least one of the folders."""
    return find(folder, "refimgs") is not None and find(folder, *TYPES) is not None


def read(folder: Path) -> Corpus:
    """Raises `DataError`, which names the file that was expected."""
    originals = find(folder, "refimgs")
    references = pictures(originals) if originals else {}
    if not references:
        raise expected(folder, KIND, "pictures in refimgs/")
    records = [Record(path=path, scene=path.stem) for path in references.values()]
    lists = {kind: _listed(folder, kind, references) for kind in TYPES}
    total = sum(len(listed) for listed in lists.values())
    scores, is_original, note = _scores(folder, total)
    start = 0
    for kind, listed in lists.items():
        for index, record in enumerate(listed, start):
            records.append(_scored(record, scores, index, TYPES[kind], bool(is_original and is_original[index])))
        start += len(listed)
    return corpus(KIND, folder, records, TYPES.values(), ("severities are unknown: LIVE has no levels", *note))


def _listed(folder: Path, kind: str, references: dict[str, Path]) -> list[Record]:
    """The pictures of one folder by their number, as info.txt lists them: reference, picture, parameter."""
    place = find(folder, kind)
    info = find(place, "info.txt") if place else None
    if place is None or info is None:
        raise expected(folder, KIND, f"{kind}/info.txt")
    images = pictures(place)
    records: dict[int, Record] = {}
    for line, text in text_lines(info):
        where = f"{info}, line {line}"
        parts = text.split()
        if len(parts) < 2:
            raise DataError(f"{where}: expected the names of a reference and a picture")
        reference, name = (plain_name(part, where) for part in parts[:2])
        index = parse_name(name)
        for file, found in ((f"refimgs/{reference}", references), (f"{kind}/{name}", images)):
            if index is None or Path(file).name.lower() not in found:
                raise DataError(f"{where}: expected the picture {file}, which is missing or no name like img1.bmp")
        assert index is not None
        unchanged = kind in ZERO_IS_CLEAN and len(parts) > 2 and number(parts[2], where, "parameter") == 0
        path = references[reference.lower()]
        records[index] = Record(
            path=images[name.lower()],
            scene=path.stem,
            severities={} if unchanged else {TYPES[kind]: UNKNOWN},
            reference=path,
            kind=TYPES[kind],
        )
    if sorted(records) != list(range(1, len(records) + 1)):
        raise DataError(f"{info}: the pictures are not numbered from 1 without a gap")
    return [records[index] for index in sorted(records)]


def _scored(record: Record, scores: list[float], index: int, label: str, is_original: bool) -> Record:
    return Record(
        path=record.path,
        scene=record.scene,
        severities={} if is_original else record.severities,
        mos=scores[index] if scores else None,
        reference=record.reference,
        kind=label,
    )


def _scores(folder: Path, total: int) -> tuple[list[float], list[bool], tuple[str, ...]]:
    """Scores and whether a picture is an original, both in the order of the folders; empty where they are missing."""
    found = [(file, name) for file, name in SCORES if find(folder, file)]
    if not found:
        note = "no dmos.mat: no opinion scores, and untouched copies in jp2k, jpeg and fastfading count as distorted"
        return [], [], (note,)
    variables: dict[str, Any] = {}
    for file, _ in reversed(found):
        variables |= _matlab(folder / file)
    file, name = found[0]
    scores = _vector(variables.get(name), total, f"{folder / file}: {name}")
    if ORIGINALS not in variables:
        return scores, [], (f"{file} does not say which pictures are untouched copies: they count as distorted",)
    originals = _vector(variables[ORIGINALS], total, f"{folder / file}: {ORIGINALS}")
    return scores, [value != 0 for value in originals], ()


def _matlab(file: Path) -> dict[str, Any]:
    """The arrays of a MATLAB file of version 5. Raises `DataError`."""
    from scipy.io import loadmat

    try:
        if file.stat().st_size > MAX_TABLE_BYTES:
            raise DataError(f"{file}: larger than {MAX_TABLE_BYTES >> 20} MiB")
        wanted = [name for _, name in SCORES]
        return dict(loadmat(str(file), variable_names=[*wanted, ORIGINALS]))
    except DataError:
        raise
    except Exception as error:  # SciPy raises anything on damaged bytes
        raise DataError(f"{file}: no MATLAB file of version 5 ({error})") from None


def _vector(value: object, total: int, what: str) -> list[float]:
    import numpy as np

    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub" or value.size != total:
        raise DataError(f"{what}: expected {total} numbers, one for each picture in the folders")
    vector = value.astype(np.float64).ravel()
    if not np.isfinite(vector).all():
        raise DataError(f"{what}: holds values that are no finite numbers")
    return [float(v) for v in vector]
