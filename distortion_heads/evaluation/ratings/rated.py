"""The rated pictures of a dataset, with opinions of which more is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.clips import is_video
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.datasets.splits import number_scenes
from distortion_heads.errors import DataError
from distortion_heads.metrics.correlation import FEWEST, oriented


@dataclass(frozen=True, kw_only=True, eq=False)
class RatedPictures:
    """Pictures with opinions: `opinions` float64 (n,), more is better, `scenes` int64 (n,) numbers what they show."""

    name: str
    folder: str
    records: tuple[Record, ...]
    opinions: NDArray[np.float64]
    scenes: NDArray[np.int64]
    lower_better: bool
    notes: tuple[str, ...] = ()


def rated_pictures(corpus: Corpus, hashes: Mapping[Path, str]) -> RatedPictures:
    """Return the rated pictures of a dataset; `hashes` by path, as `content_hashes` gives them.

    Raises `DataError` if too few are rated, or all alike.
    """
    found = [(record, record.mos) for record in corpus.records if record.mos is not None and not is_video(record)]
    records = tuple(record for record, _ in found)
    where = corpus.folder.name
    if len(records) < FEWEST:
        raise DataError(f"{where}: {len(records)} rated pictures: at least {FEWEST} are needed (a column mos, or dmos)")
    opinions = oriented([mos for _, mos in found], higher_better=not corpus.mos_lower_better)
    if np.ptp(opinions) == 0:
        raise DataError(f"{where}: all pictures are rated {records[0].mos:g}: nothing can be compared with that")
    scenes = np.array(number_scenes(records, hashes), np.int64)
    notes = [*corpus.notes]
    if len(np.unique(scenes)) == 1:
        notes.append("all pictures show one scene: the figures say nothing of others, and BRISQUE cannot be fitted")
    return RatedPictures(
        name=corpus.name,
        folder=where,
        records=records,
        opinions=opinions,
        scenes=scenes,
        lower_better=corpus.mos_lower_better,
        notes=tuple(notes),
    )
