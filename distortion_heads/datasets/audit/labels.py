"""Labels against pixels: copies, levels out of order, classes without clean pictures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from distortion_heads.datasets.audit.findings import Check, Finding, Grade, finding
from distortion_heads.datasets.audit.pixels import PictureFacts
from distortion_heads.datasets.audit.splits import DeclaredSplit
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.datasets.shortcuts import find_shortcuts

SLACK = 0.02
"""Share by which the difference to the reference may fall from one level to the next: chance does that."""

MANY = 0.25
"""Share of scenes with falling levels above which they are reported although the median rises."""

Looks = Mapping[Path, PictureFacts | str]


def copies_of_reference(corpus: Corpus, looks: Looks) -> Iterator[Finding]:
    """Find distorted files that are their reference, pixel by pixel; by type and level."""
    groups: dict[tuple[str, int | None], list[Record]] = defaultdict(list)
    totals: Counter[tuple[str, int | None]] = Counter()
    for record, look in _distorted(corpus, looks):
        key = (_kind(record), record.level)
        totals[key] += 1
        if look is not None and look.rmse == 0:
            groups[key].append(record)
    for (kind, level), records in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1] or 0)):
        handled = all(record.clean for record in records)
        where = kind if level is None else f"{kind} level {level}"
        message = f"pictures of {where} equal their reference" + (": read as clean" if handled else "")
        grade: Grade = "handled" if handled else "wrong"
        yield finding("same as reference", grade, message, _names(records), totals[kind, level])


def duplicates(corpus: Corpus, looks: Looks) -> Iterator[Finding]:
    """Find groups of equal pictures, apart from those that `copies_of_reference` finds within a scene."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in corpus.records:
        look = looks.get(record.path)
        if isinstance(look, PictureFacts):
            groups[look.digest].append(record)
    equal = [group for group in groups.values() if len(group) > 1 and not _copies_of_one(group, looks)]
    conflicting = [group for group in equal if len({record.labels for record in group}) > 1]
    rest = [group for group in equal if len({record.labels for record in group}) == 1]
    if conflicting:
        yield _equal("conflicting labels", "wrong", "equal pictures have different labels", conflicting, corpus)
    if rest:
        crossing = any(len({record.scene for record in group}) > 1 for group in rest)
        grade: Grade = "wrong" if crossing else "suspect"
        message = "equal pictures" + (", some under two scenes" if crossing else ", each in one scene")
        yield _equal("duplicates", grade, message, rest, corpus)


def _copies_of_one(group: Sequence[Record], looks: Looks) -> bool:
    def is_copy(record: Record) -> bool:
        look = looks[record.path]
        return record.reference is None or (isinstance(look, PictureFacts) and look.rmse == 0)

    references = {record.reference or record.path for record in group}
    return len(references) == 1 and all(is_copy(record) for record in group)


def _equal(check: Check, grade: Grade, message: str, groups: Sequence[Sequence[Record]], corpus: Corpus) -> Finding:
    named = [" = ".join(record.path.name for record in group[:3]) for group in groups]
    count = sum(len(group) for group in groups)
    return replace(finding(check, grade, message, named, len(corpus.records)), count=count)


def sizes(corpus: Corpus, looks: Looks) -> Iterator[Finding]:
    """Find distorted pictures that have not the size of their reference."""
    found = [record for record, look in _distorted(corpus, looks) if look is not None and not look.same_size]
    if found:
        message = "pictures have another size than their reference, so they were not compared with it"
        yield finding("sizes", "suspect", message, _names(found), len(corpus.records))


def levels(corpus: Corpus, looks: Looks) -> Iterator[Finding]:
    """Find types whose difference to the reference falls as the level rises: in the median, or in many scenes."""
    series: dict[str, dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    relabelled: set[str] = set()
    for record, look in _distorted(corpus, looks):
        if record.level is not None and look is not None and look.rmse is not None:
            kind = _kind(record)
            series[kind][record.scene].append((record.level, look.rmse))
            if any(severity != record.level for severity in record.severities.values()):
                relabelled.add(kind)
    for kind, scenes in sorted(series.items()):
        falling = sorted(scene for scene, points in scenes.items() if _falls(sorted(points)))
        medians = _medians(scenes)
        if not _falls(medians) and len(falling) <= MANY * len(scenes):
            continue
        grade: Grade = "handled" if kind in relabelled else "wrong" if _falls(medians) else "suspect"
        shown = " ".join(f"{value:.1f}" for _, value in medians)
        message = f"scenes where a higher level of {kind} is nearer to the reference (median RMSE by level: {shown})"
        message += "; the severity is read otherwise" if kind in relabelled else ""
        yield finding("levels", grade, message, falling, len(scenes))


def _falls(points: Sequence[tuple[int, float]]) -> bool:
    return any(after < before * (1 - SLACK) for (_, before), (_, after) in pairwise(points))


def _medians(scenes: Mapping[str, Sequence[tuple[int, float]]]) -> list[tuple[int, float]]:
    by_level: dict[int, list[float]] = defaultdict(list)
    for points in scenes.values():
        for level, value in points:
            by_level[level].append(value)
    return [(level, float(np.median(values))) for level, values in sorted(by_level.items())]


def clean_pictures(corpus: Corpus, split: DeclaredSplit | None) -> Iterator[Finding]:
    """Find what has no clean pictures: the dataset, a part of the split, or the scenes of a label."""
    parts = {"the dataset": corpus.records} if split is None else split.parts
    for part, records in parts.items():
        if records and not any(record.clean for record in records):
            message = f"no clean picture in {part}: an answer of `always distorted` costs nothing there"
            yield Finding(
                check="clean pictures", grade="wrong", message=message, count=len(records), total=len(records)
            )
    clean = {record.scene for record in corpus.records if record.clean}
    scenes = {label: {r.scene for r in corpus.records if label in r.severities} for label in corpus.labels}
    bare = [label for label in corpus.labels if clean and not scenes[label] & clean]
    if bare:
        message = "labels none of whose scenes has a clean picture: the content may give them away"
        yield finding("clean pictures", "suspect", message, bare, len(corpus.labels))


def shortcuts(corpus: Corpus, looks: Looks) -> Iterator[Finding]:
    """Find properties of the files that separate the pictures with a label from those without any."""
    for label in corpus.labels:
        records = [record for record in corpus.records if label in record.severities or record.clean]
        facts = [looks.get(record.path) for record in records]
        properties = [look.properties if isinstance(look, PictureFacts) else None for look in facts]
        positive = [not record.clean for record in records]
        for found in find_shortcuts(properties, positive, label):
            if found.name != "light":  # which is what many a distortion changes
                message = f"{found.text}: a head may learn this instead"
                yield finding("shortcuts", "suspect", message, [label], len(corpus.labels))


def unreadable(corpus: Corpus, looks: Looks) -> Iterator[Finding]:
    """Find files that cannot be read, those included that are no record for that."""
    reasons = [f"{item.path.name}: {item.reason}" for item in corpus.unread]
    reasons += [f"{path.name}: {look}" for path, look in looks.items() if isinstance(look, str)]
    if reasons:
        yield finding("unreadable", "wrong", "files cannot be read", reasons, len(corpus.records) + len(corpus.unread))


def _distorted(corpus: Corpus, looks: Looks) -> Iterator[tuple[Record, PictureFacts | None]]:
    """Return the records that the dataset calls distorted, also where they are read as clean, with their facts."""
    for record in corpus.records:
        if record.reference not in (None, record.path):
            look = looks.get(record.path)
            yield record, look if isinstance(look, PictureFacts) else None


def _kind(record: Record) -> str:
    return record.kind or "+".join(record.labels)


def _names(records: Sequence[Record]) -> list[str]:
    return [record.path.name for record in records]
