"""KonIQ-10k (Hosu et al. 2020): pictures in 1024x768/ or 512x384/, and a CSV file with image_name and MOS."""

from __future__ import annotations

from pathlib import Path

from distortion_heads.datasets.published import files
from distortion_heads.datasets.published.clive import NOTES, authentic
from distortion_heads.datasets.record import Corpus
from distortion_heads.errors import DataError

KIND = "koniq10k"
TABLES = ("koniq10k_scores_and_distributions.csv", "koniq10k_distributions_sets.csv", "koniq10k_scores.csv")
FOLDERS = ("1024x768", "koniq10k_1024x768", "512x384", "koniq10k_512x384")
SCORES = ("mos_zscore", "mos")
"""Columns of opinions: those corrected for raters first, where both are there."""


def fits(folder: Path) -> bool:
    """Return whether one of the owners' tables is there."""
    return files.find(folder, *TABLES) is not None


def read(folder: Path) -> Corpus:
    """Read the dataset. Raises `DataError`, which names the file that was expected."""
    table, place = files.find(folder, *TABLES), files.find(folder, *FOLDERS)
    if table is None or place is None:
        raise files.expected(folder, KIND, TABLES[0] if table is None else f"the folder {FOLDERS[0]}/ or {FOLDERS[2]}/")
    images, records = files.pictures(place), []
    for where, row in files.table(table, "image_name"):
        column = next((name for name in SCORES if name in row), None)
        if column is None:
            raise DataError(f"{table}, line 1: no column MOS")
        path = images.get(files.plain_name(row["image_name"], where).lower())
        if path is None:
            raise DataError(f"{where}: expected the picture {place.name}/{row['image_name']}, which is missing")
        records.append(authentic(path, files.number(row[column], where, column)))
    return files.corpus(KIND, folder, records, (), NOTES)
