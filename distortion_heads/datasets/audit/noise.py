"""Label-noise candidates: pictures on whose label an attached head disagrees with confidence."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

from distortion_heads.answers import HeadResult
from distortion_heads.datasets.audit.findings import Finding, finding
from distortion_heads.datasets.audit.pixels import first_frame
from distortion_heads.datasets.clips import is_video
from distortion_heads.datasets.record import Corpus, Record
from distortion_heads.errors import InputError
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.build import Registry

ABSENT, PRESENT = 0.02, 0.98
"""Calibrated probabilities at or beyond which a head is confident."""

PLAIN_SEVERITY = 3.0
"""Below it a head may well overlook a distortion that is there."""


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
    suspects: dict[tuple[str, bool], list[tuple[float, str]]] = defaultdict(list)
    for done, record in enumerate(chosen, 1):
        for head in _judge(predictor, record):
            if disagrees(record, head.label, head.probability):
                key = head.label, head.label in record.severities
                suspects[key].append((head.probability, record.path.name))
        progress(done, len(chosen))
    findings = [
        _finding(label, labelled, suspects[label, labelled], len(chosen))
        for label in labels
        for labelled in (True, False)
        if suspects[label, labelled]
    ]
    return findings, f"label noise: {len(chosen)} of {len(corpus.records)} pictures, {len(labels)} heads"


def spread(records: Sequence[Record], limit: int) -> list[Record]:
    """Return at most `limit` of the records, always the same ones, at even distances."""
    if len(records) <= limit:
        return list(records)
    return [records[index * len(records) // limit] for index in range(limit)]


def _judge(predictor: Predictor, record: Record) -> Sequence[HeadResult]:
    try:
        return predictor.predict(first_frame(record.path) if is_video(record) else record.path).heads
    except InputError:  # `labels.unreadable` reports it
        return ()


def disagrees(record: Record, label: str, probability: float) -> bool:
    """Return whether a head is confident of the opposite of what a record says."""
    if label not in record.severities:
        return probability >= PRESENT
    severity = record.severities[label]
    return probability <= ABSENT and (math.isnan(severity) or severity >= PLAIN_SEVERITY)


def _finding(label: str, labelled: bool, found: list[tuple[float, str]], total: int) -> Finding:
    found.sort(key=lambda suspect: suspect[0], reverse=not labelled)
    what = "labelled so, but the head sees none" if labelled else "not labelled so, but the head is sure"
    named = [f"{name} ({probability:.3f})" for probability, name in found]
    return finding("label noise", "suspect", f"{label}: {what}", named, total)
