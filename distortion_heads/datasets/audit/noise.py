"""Label-noise candidates: pictures on whose label an attached head disagrees with confidence."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from distortion_heads.datasets.audit.findings import Finding, examples
from distortion_heads.datasets.audit.pixels import first_frame
from distortion_heads.datasets.published.files import VIDEO_SUFFIXES
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import InputError
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.build import Registry

ABSENT, PRESENT = 0.02, 0.98
"""Calibrated probabilities at or beyond which a head is confident."""

PLAIN_SEVERITY = 3.0
"""Below it a head may well overlook a distortion that is there."""


@dataclass(frozen=True)
class Suspect:
    """A head says `probability` where the label says the opposite."""

    record: Record
    label: str
    probability: float


def label_noise(
    corpus: Corpus,
    registry: Registry,
    *,
    limit: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Finding], str]:
    """Findings by label, and what was looked at: at most `limit` records, spread evenly over the dataset."""
    labels = [label for label in corpus.labels if label in registry.heads and registry.heads[label].spec.weights]
    if not labels or limit == 0:
        return [], "label noise: not looked for" + ("" if labels else " (no head of these labels is attached)")
    predictor = Predictor(labels, registry=registry)
    chosen = spread(corpus.records, limit)
    doubts: dict[str, list[Suspect]] = defaultdict(list)
    for done, record in enumerate(chosen, 1):
        for doubt in _doubts(predictor, record):
            doubts[doubt.label].append(doubt)
        progress(done, len(chosen))
    checked = f"label noise: {len(chosen)} of {len(corpus.records)} pictures, {len(labels)} heads"
    return list(_findings(doubts, labels, len(chosen))), checked


def spread(records: Sequence[Record], limit: int) -> list[Record]:
    """At most `limit` of the records, always the same ones, at even distances."""
    if len(records) <= limit:
        return list(records)
    return [records[index * len(records) // limit] for index in range(limit)]


def _doubts(predictor: Predictor, record: Record) -> Iterator[Suspect]:
    is_video = record.path.suffix.lower() in VIDEO_SUFFIXES
    try:
        prediction = predictor.predict(first_frame(record.path) if is_video else record.path)
    except InputError:  # told by another check
        return
    for head in prediction.heads:
        if disagrees(record, head.label, head.probability):
            yield Suspect(record, head.label, head.probability)


def disagrees(record: Record, label: str, probability: float) -> bool:
    """Whether a head is confident of the opposite of what a record says."""
    if label not in record.severities:
        return probability >= PRESENT
    severity = record.severities[label]
    return probability <= ABSENT and (math.isnan(severity) or severity >= PLAIN_SEVERITY)


def _findings(doubts: dict[str, list[Suspect]], labels: Sequence[str], total: int) -> Iterator[Finding]:
    for label in labels:
        for claimed in (True, False):
            found = [d for d in doubts[label] if (label in d.record.severities) == claimed]
            if found:
                found.sort(key=lambda doubt: doubt.probability, reverse=not claimed)
                what = "labelled so, but the head sees none" if claimed else "not labelled so, but the head is sure"
                yield Finding(
                    check="label noise",
                    grade="suspect",
                    message=f"{label}: {what}",
                    count=len(found),
                    total=total,
                    examples=examples([f"{d.record.path.name} ({d.probability:.3f})" for d in found]),
                )
