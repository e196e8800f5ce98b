"""Label-noise candidates: pictures on whose label an attached head disagrees with confidence."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from distortion_heads.datasets.audit.findings import Finding, finding
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
    """Return findings by label, and a line on what was judged: at most `limit` records, spread over the dataset."""
    labels = [label for label in corpus.labels if label in registry.heads and registry.heads[label].spec.weights]
    if not labels or limit == 0:
        return [], "label noise: not looked for" + ("" if labels else " (no head of these labels is attached)")
    predictor = Predictor(labels, registry=registry)
    chosen = spread(corpus.records, limit)
    suspects: dict[str, list[Suspect]] = defaultdict(list)
    for done, record in enumerate(chosen, 1):
        for suspect in _judge(predictor, record):
            suspects[suspect.label].append(suspect)
        progress(done, len(chosen))
    checked = f"label noise: {len(chosen)} of {len(corpus.records)} pictures, {len(labels)} heads"
    return list(_findings(suspects, labels, len(chosen))), checked


def spread(records: Sequence[Record], limit: int) -> list[Record]:
    """Return at most `limit` of the records, always the same ones, at even distances."""
    if len(records) <= limit:
        return list(records)
    return [records[index * len(records) // limit] for index in range(limit)]


def _judge(predictor: Predictor, record: Record) -> Iterator[Suspect]:
    is_video = record.path.suffix.lower() in VIDEO_SUFFIXES
    try:
        prediction = predictor.predict(first_frame(record.path) if is_video else record.path)
    except InputError:  # `unreadable` reports it
        return
    for head in prediction.heads:
        if disagrees(record, head.label, head.probability):
            yield Suspect(record, head.label, head.probability)


def disagrees(record: Record, label: str, probability: float) -> bool:
    """Return whether a head is confident of the opposite of what a record says."""
    if label not in record.severities:
        return probability >= PRESENT
    severity = record.severities[label]
    return probability <= ABSENT and (math.isnan(severity) or severity >= PLAIN_SEVERITY)


def _findings(suspects: dict[str, list[Suspect]], labels: Sequence[str], total: int) -> Iterator[Finding]:
    for label in labels:
        for claimed in (True, False):
            found = [s for s in suspects[label] if (label in s.record.severities) == claimed]
            if found:
                found.sort(key=lambda suspect: suspect.probability, reverse=not claimed)
                what = "labelled so, but the head sees none" if claimed else "not labelled so, but the head is sure"
                named = [f"{suspect.record.path.name} ({suspect.probability:.3f})" for suspect in found]
                yield finding("label noise", "suspect", f"{label}: {what}", named, total)
