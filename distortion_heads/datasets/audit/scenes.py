"""Scenes on both sides of a split: by name, and by what the pictures look like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.audit.findings import Finding, Grade, finding
from distortion_heads.datasets.audit.pixels import PictureFacts
from distortion_heads.datasets.audit.splits import DeclaredSplit
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.datasets.split_by_content import SAME_SCENE_BITS

CHUNK = 128
"""Rows of the matrix of distances that are in memory at a time."""


def split_findings(corpus: Corpus, split: DeclaredSplit) -> Iterator[Finding]:
    """Find names that are not of the dataset, and scenes by name that are in two parts."""
    total = len(split.missing) + len(split.ambiguous) + sum(len(records) for records in split.parts.values())
    for names, what in ((split.missing, "not in the dataset"), (split.ambiguous, "those of several pictures")):
        if names:
            yield finding("split names", "wrong", f"names of the split that are {what}", names, total)
    scenes = {part: {record.scene for record in records} for part, records in split.parts.items()}
    for first, second in combinations(scenes, 2):
        shared = scenes[first] & scenes[second]
        if shared:
            message = f"scenes of {second} that are also in {first}"
            yield finding("shared scenes", "wrong", message, sorted(shared), len(scenes[second]))


def look_alike_findings(
    corpus: Corpus, looks: Mapping[Path, PictureFacts | str], split: DeclaredSplit | None
) -> Iterator[Finding]:
    """Find scenes of different names whose pictures look alike; with a split those that it separates."""
    pairs = look_alikes(corpus.records, looks)
    message = "scenes of different names look alike: give them one group, or a split may part them"
    grade: Grade = "suspect"
    if split is not None:
        message, grade = "scenes of different names look alike and are in different parts of the split", "wrong"
        pairs = [pair for pair in pairs if _crosses(pair, split)]
    if pairs:
        named = [f"{first} = {second}" for first, second in pairs]
        scenes = len({record.scene for record in corpus.records})
        count = len({scene for pair in pairs for scene in pair})
        yield replace(finding("scenes that look alike", grade, message, named, scenes), count=count)


def _crosses(pair: tuple[str, str], split: DeclaredSplit) -> bool:
    parts = [part for part, records in split.parts.items() if any(record.scene in pair for record in records)]
    return len(parts) > 1


def look_alikes(records: Sequence[Record], looks: Mapping[Path, PictureFacts | str]) -> list[tuple[str, str]]:
    """Return the pairs of scenes that have a picture each within `SAME_SCENE_BITS` of each other, in order.

    Only the clean pictures of a scene are compared, or all where none is clean: distortions move the hash.
    """
    hashes: list[int] = []
    owners: list[str] = []
    for record in _representatives(records):
        look = looks.get(record.path)
        if isinstance(look, PictureFacts) and look.hash is not None:
            hashes.append(look.hash)
            owners.append(record.scene)
    if not hashes:
        return []
    signs = np.unpackbits(np.array(hashes, ">u8").view(np.uint8).reshape(-1, 8), axis=1).astype(np.float32) * 2 - 1
    found = {(min(owners[row], owners[column]), max(owners[row], owners[column])) for row, column in _near(signs)}
    return sorted(pair for pair in found if pair[0] != pair[1])


def _near(signs: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    for start in range(0, len(signs), CHUNK):
        distance = (64 - signs[start : start + CHUNK] @ signs.T) / 2
        for row, column in np.argwhere(distance <= SAME_SCENE_BITS):
            yield start + int(row), int(column)


def _representatives(records: Sequence[Record]) -> Iterator[Record]:
    clean = {record.scene for record in records if record.clean}
    return (record for record in records if record.clean or record.scene not in clean)
