"""The list of real pictures, with what the eye says of them."""

from __future__ import annotations

import csv
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError

CLEAN, ARGUABLE, UNREVIEWED = "clean", "arguable", "unreviewed"

FAULTS = {
    "blur": "blur", "lens_blur": "blur", "motion_blur": "blur", "noise": "noise", "compression": "compression",
    "oversharp": "sharpness", "over_exposure": "exposure", "under_exposure": "exposure", "exposure": "exposure",
    "uneven_illumination": "light", "smoke": "atmosphere", "haze": "atmosphere", "spatial": "spatial",
    "color": "color",
}  # fmt: skip
"""The family of each fault; other faults (denoise_smear, lens_dirt, signal_fault, other) are of none."""

PHOTOGRAPHS = ("aerial", "camera", "camera_whole", "phone", "photo", "wallpaper", "web")
"""Groups of photographs of the world around us; others are frames of operations, micrographs, screens and text."""

COLUMNS = ("file", "split", "group", "labels")


@dataclass(frozen=True, kw_only=True)
class WildPicture:
    """A picture; `state`: clean, unreviewed, arguable or faulty; `families`: those of its faults that have one."""

    name: str
    path: Path
    group: str
    state: str
    families: tuple[str, ...]


def read_wild(folder: Path, split: str, limit: int | None = None) -> tuple[WildPicture, ...]:
    """Return the pictures of one split of `folder`/manifest.csv, the first `limit` of them. Raises `DataError`."""
    manifest = folder / "manifest.csv"
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{manifest} cannot be read: {reason(error)}; --wild wants the folder of that list") from None
    missing = [column for column in COLUMNS if any(row.get(column) is None for row in rows)]
    if missing:
        raise DataError(f"{manifest} has no column {missing[0]!r} in each line: it needs {', '.join(COLUMNS)}")
    chosen = [_picture(folder, row) for row in rows if row["split"] == split]
    if not chosen:
        raise DataError(f"{manifest} lists no picture of the split {split!r}")
    return tuple(chosen[:limit])


def clean_ones(folder: Path | None, split: str, without: Container[str] = ()) -> tuple[Path, ...]:
    """Return the pictures of one split that the list calls clean; none without a folder.

    `without`: names, without suffix, of pictures that are left out (see `Scenes.held`).
    """
    return tuple(path for path in _of_state(folder, split, CLEAN) if path.stem not in without)


def unreviewed_ones(folder: Path | None, split: str) -> tuple[Path, ...]:
    """Return the pictures of one split that nobody looked at closely; none without a folder."""
    return _of_state(folder, split, UNREVIEWED)


def _of_state(folder: Path | None, split: str, state: str) -> tuple[Path, ...]:
    if folder is None:
        return ()
    return tuple(picture.path for picture in read_wild(folder, split) if picture.state == state)


def _picture(folder: Path, row: dict[str, str]) -> WildPicture:
    labels = row["labels"].split("+")
    families = tuple(sorted({FAULTS[label] for label in labels if label in FAULTS}))
    return WildPicture(
        name=row["file"],
        path=folder / row["file"],
        group=row["group"],
        state=labels[0] if labels[0] in (CLEAN, ARGUABLE, UNREVIEWED) else "faulty",
        families=families,
    )
