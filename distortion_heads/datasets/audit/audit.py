"""All checks of a dataset, made before anyone trusts a figure measured on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from distortion_heads.datasets.audit import labels
from distortion_heads.datasets.audit.findings import GRADES, Audit, Finding
from distortion_heads.datasets.audit.noise import label_noise
from distortion_heads.datasets.audit.pixels import PictureFacts, look_at
from distortion_heads.datasets.audit.scenes import look_alike_findings, split_findings
from distortion_heads.datasets.audit.splits import read_split
from distortion_heads.datasets.record import Corpus
from distortion_heads.registry.build import Registry

Progress = Callable[[str, int, int], None]

JUDGED = 500
"""Pictures that the heads judge by default."""


def audit_corpus(
    corpus: Corpus,
    *,
    splits: Sequence[Path] = (),
    registry: Registry | None = None,
    judged: int = JUDGED,
    jobs: int = 1,
    progress: Progress = lambda stage, done, total: None,
) -> Audit:
    """Make all checks; those of the heads on `judged` pictures and only with a `registry`.

    `splits`: files that say which picture is in which part. Raises `DataError` if one of them cannot be read,
    `BackboneError` or `HeadFileError` if the heads cannot be used.
    """
    split = read_split(splits, corpus) if splits else None
    looks = look_at(corpus.records, jobs=jobs, progress=lambda done, total: progress("pictures", done, total))
    findings: list[Finding] = []
    if split is not None:
        findings += split_findings(corpus, split)
    findings += look_alike_findings(corpus, looks, split)
    for check in (labels.unreadable, labels.copies_of_reference, labels.duplicates, labels.sizes, labels.levels):
        findings += check(corpus, looks)
    findings += labels.clean_pictures(corpus, split)
    compared = sum(isinstance(look, PictureFacts) and look.rmse is not None for look in looks.values())
    checked = [
        f"{len(looks)} pictures, {compared} of them against their reference",
        f"split: {', '.join(map(str, splits)) or 'none given (--split)'}",
    ]
    if registry is not None:
        found, line = label_noise(
            corpus, registry, limit=judged, progress=lambda done, total: progress("heads", done, total)
        )
        findings += found
        checked.append(line)
    order = list(GRADES)
    return Audit(
        dataset=str(corpus.folder),
        kind=corpus.name,
        records=len(corpus.records),
        scenes=len({record.scene for record in corpus.records}),
        labels=corpus.labels,
        checked=tuple(checked),
        findings=tuple(sorted(findings, key=lambda finding: order.index(finding.grade))),
        notes=corpus.notes,
    )
