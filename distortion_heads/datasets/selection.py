"""Records and labels of a dataset that are evaluated, and the digest that names them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.datasets.splits import number_scenes
from distortion_heads.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The records that are split, with their scenes as numbers; `names` are their paths in the dataset.

    `sha256`: over names, contents, labels and scenes, in the order of the records.
    """

    labels: tuple[str, ...]
    records: tuple[Record, ...]
    names: tuple[str, ...]
    scenes: tuple[int, ...]
    sha256: str
    notes: tuple[str, ...]


def of_scenes(corpus: Corpus, count: int | None) -> Corpus:
    """Return the records of `count` scenes, evenly spread over their names; all if there are no more, or None is asked.

    What was left out is one of the notes.
    """
    scenes = sorted({record.scene for record in corpus.records})
    if count is None or count >= len(scenes):
        return corpus
    kept = {scenes[i * len(scenes) // count] for i in range(count)}
    records = tuple(record for record in corpus.records if record.scene in kept)
    return replace(corpus, records=records, notes=(*corpus.notes, f"only {count} of {len(scenes)} scenes"))


def candidates(corpus: Corpus, wanted: Sequence[str] | None) -> list[Record]:
    """Return the records whose labels are all in `wanted` (None: the dataset's), and clean ones."""
    labels = set(corpus.labels if wanted is None else wanted)
    return [record for record in corpus.records if _kinds(record, corpus) <= labels]


def select(
    corpus: Corpus,
    hashes: Mapping[Path, str],
    wanted: Sequence[str] | None = None,
    able: Collection[str] | None = None,
) -> Selection:
    """Select the records whose labels are all in `wanted` (None: the dataset's) and `able` (None: all), and clean ones.

    `hashes`: SHA-256 of the `candidates`' files. Files with the same content and labels as an earlier one of the scene
    are left out. Raises `DataError` for unknown labels, or if nothing is left.
    """
    present = {label for record in corpus.records for label in record.severities}
    if unknown := [label for label in wanted or () if label not in present]:
        raise DataError(f"{corpus.folder} has no record with {unknown[0]!r}: it has {', '.join(sorted(present))}")
    asked = [label for label in corpus.labels if label in present and (wanted is None or label in wanted)]
    labels = tuple(label for label in asked if able is None or label in able)
    notes = list(corpus.notes)
    if missing := [label for label in asked if label not in labels]:
        notes.append(f"labels left out, as a method has no head for them: {', '.join(missing)}")
    if not labels:
        raise DataError("no label is left that every method can judge: choose other --method or --labels")
    chosen = candidates(corpus, labels)
    records = _distinct(chosen, hashes)
    if len(chosen) < len(corpus.records):
        notes.append(f"records with other labels, left out: {len(corpus.records) - len(chosen)}")
    if len(records) < len(chosen):
        notes.append(f"files left out, as the scene has the same file already: {len(chosen) - len(records)}")
    if not any(record.clean for record in records):
        notes.append("the dataset has no clean records: false alarms on clean pictures cannot be measured")
    scenes = tuple(number_scenes(records, hashes))
    if joined := len({record.scene for record in records}) - len(set(scenes)):
        notes.append(f"scenes joined to others, as they have a file in common: {joined}")
    names = tuple(name_in(record.path, corpus.folder) for record in records)
    rows = [
        [name, hashes[record.path], record.scene, sorted(record.severities.items())]
        for name, record in zip(names, records, strict=True)
    ]
    digest = hashlib.sha256(json.dumps([corpus.name, labels, rows]).encode()).hexdigest()
    return Selection(
        labels=labels, records=tuple(records), names=names, scenes=scenes, sha256=digest, notes=tuple(notes)
    )


def _kinds(record: Record, corpus: Corpus) -> set[str]:
    """Return the record's labels and, where a distortion that the dataset names changed nothing, that one."""
    return {*record.severities, *({record.kind} & set(corpus.labels))}


def _distinct(records: Sequence[Record], hashes: Mapping[Path, str]) -> list[Record]:
    first: dict[tuple[object, ...], Record] = {}
    for record in records:
        first.setdefault((record.scene, hashes[record.path], record.labels), record)
    return list(first.values())


def name_in(path: Path, folder: Path) -> str:
    """Return the path as a dataset's reports show it: from the dataset's folder, or that of its CSV file."""
    root = folder if folder.is_dir() else folder.parent
    return Path(os.path.relpath(path, root)).as_posix()
