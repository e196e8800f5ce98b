"""LIVE In the Wild Image Quality Challenge (Ghadiyaram, Bovik 2016): Images/*.bmp, Data/AllMOS_release.mat.

Data/AllImages_release.mat holds the names in the order of the opinions. The seven pictures in Images/trainingImages
taught the raters, and are left out as they are everywhere.
"""

from __future__ import annotations

from pathlib import Path

from distortion_heads.datasets.published import files
from distortion_heads.datasets.published.mat import read_arrays, read_texts, vector
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import DataError

KIND = "clive"
NAMES, SCORES = "AllImages_release", "AllMOS_release"
AUTHENTIC = "authentic"
"""The label of pictures with the faults of real cameras, which nobody has named."""

NOTES = ("which distortions a picture has is not known: all have the label authentic",)


def fits(folder: Path) -> bool:
    """Return whether Data holds the list of names."""
    data = files.find(folder, "Data")
    return data is not None and files.find(data, f"{NAMES}.mat") is not None


def read(folder: Path) -> Corpus:
    """Read the dataset. Raises `DataError`, which names the file that was expected."""
    data, place = files.find(folder, "Data"), files.find(folder, "Images")
    names = files.find(data, f"{NAMES}.mat") if data else None
    scores = files.find(data, f"{SCORES}.mat") if data else None
    if names is None or scores is None or place is None:
        raise files.expected(folder, KIND, f"Images/, Data/{NAMES}.mat and Data/{SCORES}.mat")
    listed = read_texts(names, NAMES)
    opinions = vector(read_arrays(scores, [SCORES]).get(SCORES), len(listed), f"{scores}: {SCORES}")
    taught = files.find(place, "trainingImages")
    left_out = files.pictures(taught) if taught else {}
    images = files.pictures(place)
    records = []
    for name, mos in zip(listed, opinions, strict=True):
        if name.lower() in left_out and name.lower() not in images:
            continue
        path = images.get(files.plain_name(name, str(names)).lower())
        if path is None:
            raise DataError(f"{names}: expected the picture Images/{name}, which is missing")
        records.append(authentic(path, mos))
    return files.corpus(KIND, folder, records, (), NOTES)


def authentic(path: Path, mos: float) -> Record:
    """Return the record of a picture as it was found: a scene of its own."""
    return Record(path=path, scene=path.stem, severities={AUTHENTIC: files.UNKNOWN}, mos=mos, kind=AUTHENTIC)
