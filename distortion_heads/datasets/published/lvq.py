"""LVQ, laparoscopic videos (Khan et al. 2020; ICIP 2020 challenge): five distortions and mixtures of them.

The challenge's training part has the folders awgn, defocus_blur, motion_blur, smoke, uneven_illum, defocus_uneven,
noise_smoke, noise_smoke_uneven, noise_uneven and smoke_uneven, each with the files video1_1.avi to video20_4.avi: of a
scene and a level. Other copies name them otherwise, so the distortions are read as words from the names of the folders
and of the file; the first number of the file's name is the scene, the last the level.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from distortion_heads.datasets.published.files import UNKNOWN, below, corpus, expected
from distortion_heads.datasets.published.generic import fits_folder
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError
from distortion_heads.io.inputs import VIDEO_SUFFIXES

KIND = "lvq"
LEVELS = 4
WORDS = {
    "white_noise": r"awgn|noise|(?<![a-z])wn(?![a-z])",
    "lens_blur": r"defocus|(?<![a-z])db(?![a-z])",
    "motion_blur": r"motion|(?<![a-z])mb(?![a-z])",
    "smoke": r"smoke",
    "uneven_illumination": r"uneven|illum|(?<![a-z])ui(?![a-z])",
}
"""Words that name each label, in lower case."""

CLEAN = re.compile(r"(?<![a-z])(?:ref|refs|reference|references|original|originals|clean|pristine)(?![a-z])")
NOTES = ("severities are unknown: the levels 1 to 4 are not KADID-10k's",)


@dataclass(frozen=True)
class Name:
    """Parts of a name; `level` is None where it has fewer than two numbers or the last is no level."""

    scene: str
    labels: tuple[str, ...]
    level: int | None


def parse_name(path: Path) -> Name | None:
    """Parse a path below the dataset's folder; None if it names no distortion and no reference."""
    text = (path.parent / path.stem).as_posix().lower()
    labels = tuple(label for label, words in WORDS.items() if re.search(words, text))
    if not labels and not CLEAN.search(text):
        return None
    stem = path.stem.lower()
    numbers = re.findall(r"[0-9]+", stem)
    scene = str(int(numbers[0])) if numbers and len(numbers[0]) < 10 else _wordless(stem)
    last = int(numbers[-1]) if len(numbers) > 1 and len(numbers[-1]) < 10 else 0
    return Name(scene, labels, last if labels and 1 <= last <= LEVELS else None)


def fits(folder: Path) -> bool:
    """Return whether a video below has a distortion in its path; a generic folder has a `clean` sub-folder."""
    return not fits_folder(folder) and any(
        parse_name(path.relative_to(folder)) for path in below(folder, VIDEO_SUFFIXES)
    )


def read(folder: Path) -> Corpus:
    """Read the dataset; the frames of a video share its labels. Raises `DataError`."""
    records = []
    for path in below(folder, VIDEO_SUFFIXES):
        name = parse_name(path.relative_to(folder))
        if name is None:
            raise DataError(f"{path}: expected a distortion in its path ({', '.join(WORDS)}) or the word reference")
        severities, kind = dict.fromkeys(name.labels, UNKNOWN), "+".join(name.labels)
        records.append(Record(path=path, scene=name.scene, severities=severities, level=name.level, kind=kind))
    if not records:
        raise expected(folder, KIND, "videos such as awgn/video1_2.avi")
    return corpus(KIND, folder, records, WORDS, NOTES)


def _wordless(stem: str) -> str:
    """Return the name without words for distortions, so that all versions of one video have one scene."""
    for words in (*WORDS.values(), CLEAN.pattern, "blur|ination"):
        stem = re.sub(words, "", stem)
    return re.sub(r"[\W_]+", "_", stem).strip("_") or "scene"
