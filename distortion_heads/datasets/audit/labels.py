"""Labels against pixels: copies, levels out of order, classes without clean pictures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from distortion_heads.datasets.audit.findings import Finding, Grade, examples
from distortion_heads.datasets.audit.pixels import PictureFacts
from distortion_heads.datasets.audit.splits import DeclaredSplit
from distortion_heads.datasets.record import Corpus, Record

SLACK = 0.02
"""Share by which the difference to the reference may fall from one level to the next: chance does that."""

MANY = 0.25
"""Share of scenes with falling levels above which they are told although the median rises."""

Looks = Mapping[Path, PictureFacts | str]


def copies_of_reference(corpus: Corpus, looks: Looks) -> Iterator[Finding]:
    """Distorted files that are their reference, pixel by pixel; by type and level."""
    groups: dict[tuple[str, int | None], list[Record]] = defaultdict(list)
    totals: Counter[tuple[str, int | None]] = Counter()
    for record in _distorted(corpus):
        look = looks.get(record.path)
        key = (record.kind or "+".join(record.labels), record.level)
        totals[key] += 1
        if isinstance(look, PictureFacts) and look.rmse == 0:
            groups[key].append(record)
    for (kind, level), records in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1] or 0)):
        handled = all(record.clean for record in records)
        where = kind if level is None else f"{kind} level {level}"
        yield Finding(
            check="same as reference",
            grade="handled" if handled else "wrong",
            message=f"pictures of {where} equal their reference" + (": read as clean" if handled else ""),
            count=len(records),
            total=totals[kind, level],
            examples=_names(records),
        )


def duplicates(corpus: Corpus, looks: Looks) -> Iterator[Finding]:
    """Groups of equal pictures, apart from copies of a reference within its scene, which have a check of their own."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in corpus.records:
        look = looks.get(record.path)
        if isinstance(look, PictureFacts):
            groups[look.digest].append(record)
    equal = [group for group in groups.values() if len(group) > 1 and not _told_already(group, looks)]
    conflicting = [group for group in equal if len({record.labels for record in group}) > 1]
    rest = [group for group in equal if len({record.labels for record in group}) == 1]
    if conflicting:
        yield _equal("conflicting labels", "wrong", "equal pictures have different labels", conflicting, corpus)
    if rest:
        crossing = any(len({record.scene for record in group}) > 1 for group in rest)
        grade: Grade = "wrong" if crossing else "suspect"
        message = "equal pictures" + (", some under two scenes" if crossing else ", each in one scene")
        yield _equal("duplicates", grade, message, rest, corpus)


def _told_already(group: Sequence[Record], looks: Looks) -> bool:
    def is_copy(record: Record) -> bool:
        look = looks[record.path]
        return record.reference is None or (isinstance(look, PictureFacts) and look.rmse == 0)

    references = {record.reference or record.path for record in group}
    return len(references) == 1 and all(is_copy(record) for record in group)


def _equal(check: str, grade: Grade, message: str, groups: Sequence[Sequence[Record]], corpus: Corpus) -> Finding:
    named = [" = ".join(record.path.name for record in group[:3]) for group in groups]
    return Finding(
        check="duplicates" if check == "duplicates" else "conflicting labels",
        grade=grade,
        message=message,
        count=sum(len(group) for group in groups),
        total=len(corpus.records),
        examples=examples(named),
    )


def sizes(corpus: Corpus, looks: Looks) -> Iterator[Finding]:
    """Distorted pictures that have not the size of their reference."""
    found = [
        r for r in _distorted(corpus) if isinstance(look := looks.get(r.path), PictureFacts) and not look.same_size
    ]
    if found:
        yield Finding(
            check="sizes",
            grade="suspect",
            message="pictures have another size than their reference, so they were not compared with it",
            count=len(found),
            total=len(corpus.records),
            examples=_names(found),
        )


def levels(corpus: Corpus, looks: Looks) -> Iterator[Finding]:
    """Types whose difference to the reference falls as the level rises: in the median, or by chance in many scenes."""
    series: dict[str, dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    relabelled: dict[str, bool] = defaultdict(bool)
    for record in _distorted(corpus):
        look = looks.get(record.path)
        if record.level is not None and isinstance(look, PictureFacts) and look.rmse is not None:
            kind = record.kind or "+".join(record.labels)
            series[kind][record.scene].append((record.level, look.rmse))
            relabelled[kind] |= any(severity != record.level for severity in record.severities.values())
    for kind, scenes in sorted(series.items()):
        falling = sorted(scene for scene, points in scenes.items() if _falls(sorted(points)))
        medians = _medians(scenes)
        if not _falls(medians) and len(falling) <= MANY * len(scenes):
            continue
        grade: Grade = "handled" if relabelled[kind] else "wrong" if _falls(medians) else "suspect"
        shown = " ".join(f"{value:.1f}" for _, value in medians)
        yield Finding(
            check="levels",
            grade=grade,
            message=f"scenes where a higher level of {kind} is nearer to the reference (median RMSE by level: {shown})"
            + ("; the severity is read otherwise" if relabelled[kind] else ""),
            count=len(falling),
            total=len(scenes),
            examples=examples(falling),
        )


def _falls(points: Sequence[tuple[int, float]]) -> bool:
    return any(after < before * (1 - SLACK) for (_, before), (_, after) in pairwise(points))


def _medians(scenes: Mapping[str, Sequence[tuple[int, float]]]) -> list[tuple[int, float]]:
    by_level: dict[int, list[float]] = defaultdict(list)
    for points in scenes.values():
        for level, value in points:
            by_level[level].append(value)
    return [(level, float(np.median(values))) for level, values in sorted(by_level.items())]


def clean_pictures(corpus: Corpus, split: DeclaredSplit | None) -> Iterator[Finding]:
    """Nothing clean to tell a class from: in the dataset, in a part of the split, or among the scenes of a class."""
    parts = {"the dataset": corpus.records} if split is None else split.parts
    for part, records in parts.items():
        if records and not any(record.clean for record in records):
            yield Finding(
                check="clean pictures",
                grade="wrong",
                message=f"no clean picture in {part}: an answer of `always distorted` costs nothing there",
                count=len(records),
                total=len(records),
            )
    clean = {record.scene for record in corpus.records if record.clean}
    scenes = {label: {r.scene for r in corpus.records if label in r.severities} for label in corpus.labels}
    bare = [label for label in corpus.labels if clean and not scenes[label] & clean]
    if bare:
        yield Finding(
            check="clean pictures",
            grade="suspect",
            message="labels none of whose scenes has a clean picture: the content may give them away",
            count=len(bare),
            total=len(corpus.labels),
            examples=examples(bare),
        )


def unreadable(corpus: Corpus, looks: Looks) -> Iterator[Finding]:
    reasons = [f"{path.name}: {look}" for path, look in looks.items() if isinstance(look, str)]
    if reasons:
        yield Finding(
            check="unreadable",
            grade="wrong",
            message="files cannot be read",
            count=len(reasons),
            total=len(corpus.records),
            examples=examples(reasons),
        )


def _distorted(corpus: Corpus) -> Iterator[Record]:
    """Records that the dataset calls distorted, also where the loader reads them as clean."""
    return (r for r in corpus.records if r.reference is not None and r.reference != r.path)


def _names(records: Sequence[Record]) -> tuple[str, ...]:
    return examples([record.path.name for record in records])
