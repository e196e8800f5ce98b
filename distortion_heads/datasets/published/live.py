"""LIVE Image Quality Assessment Database, release 2 (Sheikh et al. 2006).

jp2k/, jpeg/, wn/, gblur/ and fastfading/, each with img1.bmp ... and info.txt; refimgs/; dmos.mat and
dmos_realigned.mat (optional), which hold the scores of all pictures one folder after the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from distortion_heads.datasets.published import files
from distortion_heads.datasets.published.mat import read_arrays, vector
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
    """Return the number of `img12.bmp`, from 1; None if it is no such name."""
    match = _NAME.fullmatch(name.lower())
    return int(match[1]) or None if match else None


def fits(folder: Path) -> bool:
    """Return whether `refimgs` is there and at least one of the folders."""
    return files.find(folder, "refimgs") is not None and files.find(folder, *TYPES) is not None


def read(folder: Path) -> Corpus:
    """Read the dataset. Raises `DataError`, which names the file that was expected."""
    originals = files.find(folder, "refimgs")
    references = files.pictures(originals) if originals else {}
    if not references:
        raise files.expected(folder, KIND, "pictures in refimgs/")
    records = [Record(path=path, scene=path.stem) for path in references.values()]
    listed = [record for kind in TYPES for record in _listed(folder, kind, references)]
    scores, untouched, note = _scores(folder, len(listed))
    for record, score, is_copy in zip(listed, scores, untouched, strict=True):
        if is_copy:  # its 0 is no opinion, and the database's 779 are without it
            records.append(replace(record, severities={}))
        else:
            records.append(replace(record, mos=score))
    notes = ("severities are unknown: LIVE has no levels", *note)
    return replace(files.corpus(KIND, folder, records, TYPES.values(), notes), mos_lower_better=True)


def _listed(folder: Path, kind: str, references: dict[str, Path]) -> list[Record]:
    """Return the pictures of one folder by their number; info.txt lists reference, picture, parameter."""
    place = files.find(folder, kind)
    info = files.find(place, "info.txt") if place else None
    if place is None or info is None:
        raise files.expected(folder, KIND, f"{kind}/info.txt")
    images = files.pictures(place)
    records: dict[int, Record] = {}
    for where, text in files.text_lines(info):
        parts = text.split()
        if len(parts) < 2:
            raise DataError(f"{where}: expected the names of a reference and a picture")
        reference, name = (files.plain_name(part, where) for part in parts[:2])
        index = parse_name(name)
        for file, found in ((f"refimgs/{reference}", references), (f"{kind}/{name}", images)):
            if index is None or Path(file).name.lower() not in found:
                raise DataError(f"{where}: expected the picture {file}, which is missing or no name like img1.bmp")
        assert index is not None
        unchanged = kind in ZERO_IS_CLEAN and len(parts) > 2 and files.number(parts[2], where, "parameter") == 0
        path = references[reference.lower()]
        records[index] = Record(
            path=images[name.lower()],
            scene=path.stem,
            severities={} if unchanged else {TYPES[kind]: files.UNKNOWN},
            reference=path,
            kind=TYPES[kind],
        )
    if sorted(records) != list(range(1, len(records) + 1)):
        raise DataError(f"{info}: the pictures are not numbered from 1 without a gap")
    return [records[index] for index in sorted(records)]


def _scores(folder: Path, total: int) -> tuple[Sequence[float | None], list[bool], tuple[str, ...]]:
    """Return scores and whether a picture is untouched, in the order of the folders; and what to say of them."""
    found = [(file, name) for file, name in SCORES if files.find(folder, file)]
    if not found:
        note = "no dmos.mat: no opinion scores, and untouched copies in jp2k, jpeg and fastfading count as distorted"
        return [None] * total, [False] * total, (note,)
    variables: dict[str, Any] = {}
    for file, _ in reversed(found):
        variables |= read_arrays(folder / file, [*(name for _, name in SCORES), ORIGINALS])
    file, name = found[0]
    scores = vector(variables.get(name), total, f"{folder / file}: {name}")
    if ORIGINALS not in variables:
        note = f"{file} does not say which pictures are untouched copies: they count as distorted"
        return scores, [False] * total, (note,)
    originals = vector(variables[ORIGINALS], total, f"{folder / file}: {ORIGINALS}")
    return scores, [value != 0 for value in originals], ()
