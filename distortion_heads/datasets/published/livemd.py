"""LIVE Multiply Distorted database (Jayaraman et al. 2012): blur then JPEG (part 1), blur then noise (part 2).

Part 1/blurjpeg/scene_blurB_jpegJ.bmp, Part 2/blurnoise/scene_blurB_noiseN.bmp, levels 0 (none) to 3; a distortion may
also be left out of the name. The pristine scene.bmp lies beside them or in a folder of its own. Each part may have
Imagelists.mat, which names its distorted pictures (`distimgs`), and Scores.mat with their DMOS in that order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from distortion_heads.datasets.published.files import UNKNOWN, below, corpus, expected, find, plain_name
from distortion_heads.datasets.published.mat import read_arrays, read_texts, vector
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError
from distortion_heads.io.inputs import IMAGE_SUFFIXES

KIND = "livemd"
TYPES = {"blur": "gaussian_blur", "jpeg": "jpeg", "noise": "white_noise"}
LEVELS = 3
NOTE = "severities are unknown: the levels 1 to 3 are this dataset's own"
LISTS, SCORES = "Imagelists.mat", "Scores.mat"

_NAME = re.compile(r"(?P<scene>.+?)_?(?P<parts>(?:_?(?:blur|jpeg|noise)_?[0-9])+)", re.ASCII)
_PART = re.compile(r"(blur|jpeg|noise)_?([0-9])", re.ASCII)


@dataclass(frozen=True)
class Name:
    """Scene and `levels` by label, without those that are 0."""

    scene: str
    levels: dict[str, int]


def parse_name(name: str) -> Name | None:
    """Return scene and levels of `scene_blurB_jpegJ.bmp` in either case; None if it is no such name."""
    match = _NAME.fullmatch(Path(name.lower()).stem)
    if match is None:
        return None
    parts = _PART.findall(match["parts"])
    kinds = [kind for kind, _ in parts]
    if len(set(kinds)) < len(kinds) or any(int(level) > LEVELS for _, level in parts):
        return None
    return Name(match["scene"], {TYPES[kind]: int(level) for kind, level in parts if level != "0"})


def fits(folder: Path) -> bool:
    """Return whether there is a picture below with two of the distortions in its name."""
    return any(
        len(_PART.findall(path.stem.lower())) == 2 and parse_name(path.name) for path in below(folder, IMAGE_SUFFIXES)
    )


def read(folder: Path) -> Corpus:
    """Read the dataset. Raises `DataError`, which names the file that was expected."""
    names = {path: parse_name(path.name) for path in below(folder, IMAGE_SUFFIXES)}
    pristine = [path for path, name in names.items() if name is None]
    references = {path.stem.lower(): path for path in sorted(pristine, reverse=True)}  # the first of both parts
    records = []
    for path, name in names.items():
        if name is not None:
            if name.scene not in references:
                raise expected(folder, KIND, f"{name.scene}.bmp, the reference of {path.name}")
            records.append(_record(path, name, references[name.scene]))
    if not any(len(record.severities) > 1 for record in records):
        raise expected(folder, KIND, "pictures like bikes_blur1_jpeg2.bmp")
    scenes = {record.scene for record in records}
    if unused := sorted(path for path in pristine if path.stem.lower() not in scenes):
        raise DataError(f"{unused[0]}: no name like bikes_blur1_jpeg2.bmp, and the reference of none")
    records += [Record(path=path, scene=path.stem.lower()) for path in pristine]
    scores = _scores(folder)
    records = [replace(record, mos=scores.get(record.path)) for record in records]
    notes = (NOTE,) if scores else (NOTE, f"no {LISTS} with {SCORES}: no opinion scores")
    return replace(corpus(KIND, folder, records, TYPES.values(), notes), mos_lower_better=True)


def _scores(folder: Path) -> dict[Path, float]:
    """Return the DMOS of the pictures in each part that lists them. Raises `DataError`."""
    found: dict[Path, float] = {}
    for lists in below(folder, frozenset((".mat",))):
        scores = find(lists.parent, SCORES)
        if lists.name.lower() != LISTS.lower() or scores is None:
            continue
        names = read_texts(lists, "distimgs")
        values = vector(read_arrays(scores, ["DMOSscores"]).get("DMOSscores"), len(names), f"{scores}: DMOSscores")
        pictures = {path.name.lower(): path for path in below(lists.parent, IMAGE_SUFFIXES)}
        for name, value in zip(names, values, strict=True):
            if name.lower() not in pictures:
                raise expected(folder, KIND, f"{plain_name(name, str(lists))}, which {lists} names")
            found[pictures[name.lower()]] = value
    return found


def _record(path: Path, name: Name, reference: Path) -> Record:
    return Record(
        path=path,
        scene=name.scene,
        severities=dict.fromkeys(name.levels, UNKNOWN),
        level=next(iter(name.levels.values())) if len(name.levels) == 1 else None,
        reference=reference,
        kind="+".join(name.levels),
    )
