"""A user's rated pictures: a CSV of `path,mos`, in which `group` or `reference` name the scene."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distortion_heads._system.errors_text import reason
from distortion_heads.datasets.labelled_image import Source
from distortion_heads.datasets.published.files import is_file
from distortion_heads.errors import DataError
from distortion_heads.io.image_hashes import is_video
from distortion_heads.io.text_tables import csv_rows, open_text

MOS = "mos"
FEWEST, FEWEST_SCENES = 40, 5
"""Rated pictures, and scenes of them, from which on a head can be fitted and measured."""


@dataclass(frozen=True, kw_only=True)
class RatingScale:
    """The ends of the ratings; where `worst` is the larger number, less is better."""

    worst: float = 1.0
    best: float = 5.0

    @property
    def low(self) -> float:
        return min(self.worst, self.best)

    @property
    def high(self) -> float:
        return max(self.worst, self.best)

    def oriented(self, value: float) -> float:
        """Return a rating of which more is better, on the same range."""
        return value if self.best > self.worst else self.low + self.high - value


@dataclass(frozen=True, kw_only=True)
class RatedImage(Source):
    """A picture and people's opinion of it, of which more is better; `group`: its scene, as the user gave it."""

    mos: float
    group: str | None = None


def parse_scale(text: str) -> RatingScale:
    """Parse `WORST,BEST`, as in `0,100`. Raises `DataError`."""
    try:
        worst, best = (float(part) for part in text.split(","))
    except ValueError:
        worst = best = math.nan
    if not (math.isfinite(worst) and math.isfinite(best)) or worst == best:
        raise DataError(f"the scale {text!r} is not like 1,5: the worst rating, a comma, the best")
    return RatingScale(worst=worst, best=best)


def has_ratings(file: Path) -> bool:
    """Return whether `file` is a CSV file with a column `mos` and none of labels."""
    if not is_file(file):
        return False
    try:
        with open_text(file) as stream:
            header = _header(csv_rows(stream))
    except (OSError, UnicodeError, csv.Error):
        return False
    return MOS in header and "label" not in header


def read_ratings(file: Path, scale: RatingScale) -> tuple[RatedImage, ...]:
    """Read `path,mos[,group][,reference]`; relative paths from the folder of `file`; more is better in the result.

    Raises `DataError`, which names the line, for ratings that are missing, no numbers or out of range, and for files
    that are missing; and if there are fewer than `FEWEST`, or all ratings are equal.
    """
    try:
        with open_text(file) as stream:
            images = tuple(_rows(file, csv_rows(stream), scale))
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {reason(error).lower()}") from None
    except (UnicodeError, csv.Error) as error:
        raise DataError(f"{file}: no CSV file of UTF-8 or UTF-16 text ({error})") from None
    if len(images) < FEWEST:
        raise DataError(f"{file}: {len(images)} rated pictures are too few; at least {FEWEST} are needed")
    if len({image.mos for image in images}) == 1:
        raise DataError(f"{file}: all ratings are {images[0].mos:g}: there is nothing to learn from them")
    return images


def merged(images: Sequence[RatedImage], hashes: Mapping[Path, str]) -> tuple[RatedImage, ...]:
    """Return each content once. Raises `DataError` if one has two ratings."""
    seen: dict[str, RatedImage] = {}
    for image in images:
        other = seen.setdefault(hashes[image.path], image)
        if other.mos != image.mos:
            raise DataError(
                f"{other.path} and {image.path} are the same picture, rated {other.mos:g} and {image.mos:g}: give each "
                "picture one line, with its mean"
            )
    return tuple(seen.values())


def _header(rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    return [name.strip().lower() for name in next(rows, (0, []))[1]]


def _rows(file: Path, rows: Iterator[tuple[int, list[str]]], scale: RatingScale) -> Iterator[RatedImage]:
    header = _header(rows)
    if "path" not in header:
        raise DataError(f"{file}, line 1: no column path; the first line must be path,mos[,group][,reference]")
    for line, cells in rows:
        if any(cell.strip() for cell in cells):
            row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
            yield _image(row, file.parent, f"{file}, line {line}", scale)


def _image(row: Mapping[str, str], folder: Path, where: str, scale: RatingScale) -> RatedImage:
    name = row.get("path", "")
    if not name or not is_file(folder / name):
        raise DataError(f"{where}: no such file: {name!r}")
    if is_video(folder / name):
        raise DataError(f"{where}: {name} is a video: a head of quality learns from pictures")
    text = row.get(MOS, "")
    try:
        mos = float(text)
    except ValueError:
        raise DataError(f"{where}: the rating is {text!r}, not a number" if text else f"{where}: no rating") from None
    if not scale.low <= mos <= scale.high:
        raise DataError(
            f"{where}: the rating {text} is outside {scale.low:g} to {scale.high:g}: give the ends, as --scale 0,100"
        )
    group = row.get("group") or row.get("reference") or None
    return RatedImage(path=folder / name, mos=scale.oriented(mos), group=group)
