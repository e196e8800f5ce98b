"""The heads of the bundle: each fitted on the frozen backbone's features, then their thresholds chosen together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from distortion_heads._system.atomic import write_atomic
from distortion_heads.errors import HeadFileError
from distortion_heads.heads.file import dump_head, read_head
from distortion_heads.heads.head import HeadFile, Layer, Provenance
from distortion_heads.metrics.measure import measure
from distortion_heads.metrics.thresholds import choose_together
from distortion_heads.spec import LIGHT, LIGHT_STATISTICS, BackboneRef, HeadSpec
from distortion_heads.training.heads.fit_layers import MANY
from distortion_heads.training.heads.train_head import HeadCard, answers_of, train_best_head
from distortion_heads.training.runs.distorted_pictures import FeatureSet, with_family
from distortion_heads.training.runs.job import versions

MAX_ANY_ALARM = 0.04
"""Share of clean held-out pictures on which any of the heads may fire."""


@dataclass(frozen=True, kw_only=True)
class HeadsJob:
    """Heads to fit and the folder for them; `starts`: the heads' layers of the joint training, or ().

    `provenance` is the same for all but for the counts.
    """

    folder: Path
    specs: tuple[HeadSpec, ...]
    starts: tuple[tuple[Layer, Layer], ...]
    backbone: BackboneRef
    provenance: Provenance
    license: str

    def file(self, index: int) -> Path:
        return self.folder / f"{self.specs[index].label}.safetensors"


@dataclass(frozen=True, kw_only=True, eq=False)
class Rivals:
    """Pictures with the distortions of one family alone, for fitting the heads of its members."""

    labels: tuple[str, ...]
    features: FeatureSet


class PicturesOptions(Protocol):
    """The part of a request that the provenance of its heads states."""

    @property
    def images(self) -> Path: ...

    @property
    def command(self) -> str: ...

    @property
    def licenses(self) -> tuple[str, ...]: ...


def provenance_of(options: PicturesOptions, sha256: str, seed: int) -> Provenance:
    """Return the provenance of heads that are fitted on distorted pictures, but for the counts."""
    return Provenance(
        data=f"{options.images.name}: pictures distorted by this package",
        data_sha256=sha256,
        n_pos=0,
        n_neg=0,
        seed=seed,
        command=options.command,
        versions=versions(),
        image_licenses=options.licenses,
    )


def fit_heads(
    job: HeadsJob, fit: FeatureSet, hold: FeatureSet, rivals: Sequence[Rivals] = ()
) -> Iterator[tuple[int, str]]:
    """Write one file per head, those that are there already excepted, then rewrite them with their thresholds.

    Yields how many are done, and a line about the last.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    heads = []
    for i, spec in enumerate(job.specs):
        head = _written(job, i) or _fit(job, i, _with_rivals(job, i, fit, rivals), hold)
        heads.append(head)
        yield i + 1, f"{spec.label} AUROC {head.metrics.auroc}"
    for i, head in enumerate(_with_thresholds(heads, hold)):
        write_atomic(job.file(i), dump_head(head))


def _with_rivals(job: HeadsJob, index: int, fit: FeatureSet, rivals: Sequence[Rivals]) -> FeatureSet:
    columns = {spec.label: i for i, spec in enumerate(job.specs)}
    for family in rivals:
        if job.specs[index].label in family.labels:
            fit = with_family(fit, family.features, [columns[label] for label in family.labels])
    return fit


def _written(job: HeadsJob, index: int) -> HeadFile | None:
    """The head of an earlier, interrupted run."""
    try:
        head = read_head(job.file(index))
    except (HeadFileError, OSError):
        return None
    same = (head.backbone, head.view, head.provenance.command)
    return head if same == (job.backbone, job.specs[index].view, job.provenance.command) else None


def _fit(job: HeadsJob, index: int, fit_set: FeatureSet, hold_set: FeatureSet) -> HeadFile:
    """As `dheads add-head` does, but from the layers of the joint training, or whichever of `_starts` is best."""
    spec = job.specs[index]
    fit, hold = fit_set.examples(index, spec.view), hold_set.examples(index, spec.view)
    positive = int(fit.labels.sum())
    head = train_best_head(
        fit,
        hold,
        HeadCard(label=spec.label, title=spec.title, family=spec.family, license=job.license, view=spec.view),
        job.backbone,
        replace(job.provenance, n_pos=positive, n_neg=len(fit) - positive),
        _starts(job, index, few=len(fit) < MANY),
        seed=job.provenance.seed,
        with_severity=True,
    )
    write_atomic(job.file(index), dump_head(head))
    return head


def _starts(job: HeadsJob, index: int, *, few: bool) -> list[tuple[Layer, Layer] | None]:
    """Return the layers to fit from; the better head counts.

    Of few pictures the recipe for these, which has no start, often learns more than a joint training on as few has
    learnt. The joint training has no light statistics. What it learnt from the overview helps some heads, as that of
    smoke, and keeps others, as those of tone curves, from learning more.
    """
    if not job.starts:
        return [None]
    first, last = job.starts[index]
    if job.specs[index].view != LIGHT:
        return [None, (first, last)] if few else [(first, last)]
    unread = np.zeros((len(first.weight), LIGHT_STATISTICS), np.float32)
    return [None, (replace(first, weight=np.concatenate([first.weight, unread], axis=1)), last)]


def _with_thresholds(heads: list[HeadFile], hold: FeatureSet) -> Iterator[HeadFile]:
    """The heads with thresholds that spare clean pictures together, and the metrics at these."""
    examples = [hold.examples(i, head.view) for i, head in enumerate(heads)]
    probabilities = [answers_of(head, e) for head, e in zip(heads, examples, strict=True)]
    labels = np.stack([e.labels for e in examples])
    thresholds = choose_together(np.stack(probabilities), labels, examples[0].clean, MAX_ANY_ALARM)
    for head, e, p, threshold in zip(heads, examples, probabilities, thresholds, strict=True):
        yield replace(
            head, threshold=threshold, metrics=measure(p, e.labels, e.clean, threshold.value, head.metrics.split)
        )
