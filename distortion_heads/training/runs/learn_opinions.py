"""Learn classes and pseudo-opinions of distorted pictures with a whole network, and then ratings (Lai, Chu, Leng).

A class is a distortion at a level, a pseudo-opinion the mean of six full-reference metrics.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from distortion_heads.backbones.with_torch.networks import TrainableBackbone
from distortion_heads.datasets.record import Record
from distortion_heads.errors import DataError
from distortion_heads.heads.head import Layer
from distortion_heads.metrics.pseudo_opinion import LAI as SIX
from distortion_heads.metrics.pseudo_opinion import plain_mean
from distortion_heads.metrics.scores import auroc, mean_of
from distortion_heads.spec import BackboneSpec
from distortion_heads.training.features.records import RecordFeatures
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.lessons import PATCHES_AT_ONCE, Lesson
from distortion_heads.training.networks.open_trainable import open_trainable
from distortion_heads.training.networks.record_samples import PatchSamples, Targets
from distortion_heads.training.networks.two_branches import Rating, TwoBranches, train_branches, train_rating
from distortion_heads.training.runs.finetune import features_of, identity_of, share_out
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob
from distortion_heads.training.runs.learn_scores import Parts
from distortion_heads.training.runs.write_backbone import trained_files
from distortion_heads.views.patches import PatchGrid

MOST_CLASSES = 400
VALIDATION_PATCHES = 4
"""Patches of a record that validate, where they are cut smaller than the backbone's own."""

Opinion = Callable[[Sequence[Record]], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Classes:
    """Distortions at levels, "jpeg-3"; where pictures are `several` at once, the distortions themselves come first."""

    names: tuple[str, ...]
    several: bool

    def of(self, records: Sequence[Record]) -> NDArray[np.float32]:
        """Return which classes each record is of, float32 (n, N), 0 or 1."""
        return np.array([[name in _classes_of(r, self.several) for name in self.names] for r in records], np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Learnt:
    """The backbone's files, what reads them, the layers of the score from 0 to 1, and the least validation loss.

    `told`: see `_told`; empty without classes.
    """

    backbone: BackboneSpec
    features: RecordFeatures
    layers: tuple[Layer, ...]
    loss: float
    told: Mapping[str, float | None] = field(default_factory=dict)


def is_scored(record: Record) -> bool:
    """Return whether a record has all that the first stage learns."""
    return bool(record.severities) and all(name in record.scores for name in SIX)


def find_classes(records: Sequence[Record]) -> Classes:
    """Return the classes of records. Raises `DataError` if there are too many to be levels."""
    several = any(len(record.severities) > 1 for record in records)
    found = {name for record in records for name in _classes_of(record, several)}
    names = tuple(sorted(found, key=lambda name: ("-" in name, name)))
    if len(names) > MOST_CLASSES:
        raise DataError(f"{len(names)} classes are too many to learn: make pictures with dheads synth --levels dbcnn")
    return Classes(names=names, several=several)


def _classes_of(record: Record, several: bool) -> set[str]:
    levels = {label if math.isnan(s) else f"{label}-{round(s)}" for label, s in record.severities.items()}
    return levels | set(record.severities) if several else levels


def pseudo_opinions(records: Sequence[Record]) -> NDArray[np.float32]:
    """Return the mean of the six metrics of each record, float32 (n,), 1 best."""
    return np.array([plain_mean(SIX, record.scores) for record in records], np.float32)


def learn_pseudo_opinions(
    choice: NetworkChoice, site: TrainingJob, parts: Parts, classes: Classes | None, *, scored: bool = True
) -> Learnt:
    """Train the backbone with a branch of `classes`, if any, and with `scored` one of pseudo-opinions.

    Raises `DataError`, `BackboneError` or `MissingExtraError`.
    """
    backbone = _opened(choice, site)
    names = classes.names if classes else ()

    def targets(records: Sequence[Record]) -> Targets:
        presence = classes.of(records) if classes else np.zeros((len(records), 0), np.float32)
        return Targets(presence=presence, severity=np.full_like(presence, np.nan), quality=pseudo_opinions(records))

    learnt = [*names, *(["pseudo_mos"] if scored else [])]
    lesson = _lesson(choice, site, parts, learnt, backbone, targets)
    torch.manual_seed(choice.recipe.seed)
    network = TwoBranches(backbone, len(names), scored=scored)
    loss = train_branches(network, lesson, several=classes is not None and classes.several)
    told = _told(network, lesson, parts["test"], classes) if classes and parts["test"] else {}
    spec, features = _written(choice, site, parts, backbone, learnt)
    layers = network.score_layers() if scored else ()
    return Learnt(backbone=spec, features=features, layers=layers, loss=loss, told=told)


def learn_opinions(choice: NetworkChoice, site: TrainingJob, parts: Parts, opinion: Opinion) -> Learnt:
    """Train the backbone and a new head on `opinion`, from 0 to 1. Raises as `learn_pseudo_opinions`."""
    backbone = _opened(choice, site)

    def targets(records: Sequence[Record]) -> Targets:
        return Targets.of(records, (), opinion(records))

    lesson = _lesson(choice, site, parts, ("mos",), backbone, targets)
    torch.manual_seed(choice.recipe.seed)
    network = Rating(backbone)
    loss = train_rating(network, lesson)
    spec, features = _written(choice, site, parts, backbone, ("mos",))
    return Learnt(backbone=spec, features=features, layers=network.score_layers(), loss=loss)


def _opened(choice: NetworkChoice, site: TrainingJob) -> TrainableBackbone:
    backbone = open_trainable(choice.backbone, choice.weights, choice.recipe, site.registry)
    backbone.unfreeze(choice.finetune)
    backbone.learns_norms = choice.weights == "none" and choice.finetune == "all"
    return backbone


def _lesson(
    choice: NetworkChoice,
    site: TrainingJob,
    parts: Parts,
    learnt: Sequence[str],
    backbone: TrainableBackbone,
    targets: Callable[[Sequence[Record]], Targets],
) -> Lesson:
    pair, recipe = (parts["train"], parts["validation"]), choice.recipe
    grid = backbone.grid
    if recipe.crop is not None:  # validated as it is learnt
        grid = PatchGrid(side=recipe.crop, stride=recipe.crop, limit=VALIDATION_PATCHES)
    fit, validation = (
        PatchSamples(records=records, targets=targets(records), grid=grid, random_patches=1, frames=site.frames)
        for records in pair
    )
    opinions = hashlib.sha256(b"".join(part.targets.quality.tobytes() for part in (fit, validation)))
    identity = {
        "another recipe, backbone or dataset": identity_of(choice, site, pair, learnt, backbone.ref.fingerprint),
        "a dataset with other opinions": opinions.hexdigest(),
    }
    return Lesson(
        fit=_repeated(fit, recipe.random_patches),
        validation=validation,
        recipe=recipe,
        checkpoint=Checkpoint(site.run / "checkpoint.pt", identity),
        processes=site.processes,
        report=site.report,
    )


def _repeated(samples: PatchSamples, times: int) -> PatchSamples:
    """Return each record as often as it has random patches, which are samples of their own, in any order."""
    index, targets = np.repeat(np.arange(len(samples.records)), max(times, 1)), samples.targets
    return replace(
        samples,
        records=[samples.records[int(i)] for i in index],
        targets=Targets(
            presence=targets.presence[index], severity=targets.severity[index], quality=targets.quality[index]
        ),
    )


def _written(
    choice: NetworkChoice, site: TrainingJob, parts: Parts, backbone: TrainableBackbone, learnt: Sequence[str]
) -> tuple[BackboneSpec, RecordFeatures]:
    spec = trained_files(backbone, choice, site, learnt)
    features = features_of(spec, site)
    share_out(features, parts["test"], site.processes)
    return spec, features


@torch.no_grad()
def _told(network: TwoBranches, lesson: Lesson, records: Sequence[Record], classes: Classes) -> dict[str, float | None]:
    """Return how well "classes", and the "distortions" alone, are told, by the mean over a picture's windows.

    The share of pictures that are told right; where they are of several classes, the mean AUROC of these.
    """
    network.eval()
    seen = replace(lesson.validation, records=records)  # type: ignore[type-var]
    found = []
    for i in range(len(records)):
        x = torch.from_numpy(seen.load(i, None))
        parts = torch.split(x, PATCHES_AT_ONCE)
        logits = torch.cat([network(part.to(lesson.processes.device)).float().cpu() for part in parts])
        logits = logits[:, : len(classes.names)]
        found.append((logits.sigmoid() if classes.several else logits.softmax(1)).mean(0).numpy())
    answers, truth = np.array(found, np.float64), classes.of(records)
    if classes.several:
        areas = [auroc(a[t > 0], a[t == 0]) for a, t in zip(answers.T, truth.T, strict=True)]
        count = len({name.partition("-")[0] for name in classes.names})  # of distortions, which come first
        return {"classes": mean_of(areas[count:]), "distortions": mean_of(areas[:count])}
    labels = np.array([name.partition("-")[0] for name in classes.names])
    kinds = np.unique(labels)
    of_kinds = np.stack([answers[:, labels == kind].sum(1) for kind in kinds], 1)
    of_truth = np.stack([truth[:, labels == kind].sum(1) for kind in kinds], 1)
    pairs = {"classes": (answers, truth), "distortions": (of_kinds, of_truth)}
    return {name: float((a.argmax(1) == t.argmax(1))[t.any(1)].mean()) for name, (a, t) in pairs.items()}
