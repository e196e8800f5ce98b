"""From labelled records to a backbone with its files and one finished head per label."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from distortion_heads.backbones.open import open_backbone
from distortion_heads.backbones.with_torch.networks import TrainableBackbone
from distortion_heads.datasets.record import Record
from distortion_heads.errors import DataError
from distortion_heads.heads.head import HeadFile
from distortion_heads.metrics.measure import measure
from distortion_heads.registry.backbones import with_network
from distortion_heads.spec import BackboneSpec
from distortion_heads.training.features.records import RecordFeatures
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.open_trainable import open_trainable
from distortion_heads.training.networks.processes import Processes
from distortion_heads.training.networks.recipes import RecordRecipe
from distortion_heads.training.networks.record_samples import FeatureSamples, PatchSamples, Samples, Targets
from distortion_heads.training.networks.towers import MultiTask, Towers
from distortion_heads.training.networks.train_on_records import train_on_records
from distortion_heads.training.runs.finish_heads import finished_heads
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob
from distortion_heads.training.runs.judge import HeadJudge
from distortion_heads.training.runs.opinions_of_records import Opinions
from distortion_heads.training.runs.write_backbone import frozen_files, trained_files
from distortion_heads.views.patches import PatchGrid


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """The backbone's files, what reads them, and the heads in the order of the labels.

    `quality`: a head of quality, where one was trained too, on these `opinions`.
    """

    backbone: BackboneSpec
    features: RecordFeatures
    heads: tuple[HeadFile, ...]
    quality: HeadFile | None = None
    opinions: Opinions | None = None

    def judge(self) -> HeadJudge:
        return HeadJudge(self.heads, self.features)


def fit_network(
    choice: NetworkChoice, site: TrainingJob, fit: Sequence[Record], validation: Sequence[Record], labels: Sequence[str]
) -> Fitted:
    """Train on `fit`; `validation` decides when to stop, and calibrates. A killed run goes on where it stopped.

    Raises `DataError` (records, weights, another run's checkpoint), `BackboneError` or `MissingExtraError`.
    """
    if not (fit and validation):
        raise DataError("there are too few records: some are needed to train on, and others to validate with")
    if choice.finetune == "frozen":
        spec = frozen_files(choice, site)
        features = features_of(spec, site)
        samples = tuple(_feature_samples(features, part, labels, site.processes) for part in (fit, validation))
        dim, fingerprint = features.backbone.ref.dim, features.backbone.ref.fingerprint
        backbone = None
    else:
        backbone = open_trainable(choice.backbone, choice.weights, choice.recipe, site.registry)
        backbone.unfreeze(choice.finetune)
        backbone.learns_norms = choice.weights == "none" and choice.finetune == "all"
        samples = tuple(
            _patch_samples(backbone, part, labels, choice.recipe, site.frames) for part in (fit, validation)
        )
        dim, fingerprint = backbone.dim, backbone.ref.fingerprint

    torch.manual_seed(choice.recipe.seed)
    towers = Towers(dim, len(labels), choice.recipe.hidden, severity=choice.recipe.severity)
    network = MultiTask(backbone, towers)
    identity = identity_of(choice, site, (fit, validation), labels, fingerprint)
    checkpoint = Checkpoint(site.run / "checkpoint.pt", {"another recipe, backbone or dataset": identity})
    train_on_records(network, samples[0], samples[1], choice.recipe, checkpoint, site.processes, site.report)

    if backbone is not None:
        spec = trained_files(backbone, choice, site, labels)
        features = features_of(spec, site)
        share_out(features, validation, site.processes)
    heads = finished_heads(network.towers, choice, site, features, (fit, validation), labels)
    return Fitted(backbone=spec, features=features, heads=heads)


def with_metrics(fitted: Fitted, test: Sequence[Record], split: str) -> Fitted:
    """The same with the figures of each head on records that were not trained on."""
    probabilities = fitted.judge().probabilities(test)
    clean = np.array([record.clean for record in test], bool)
    heads = []
    for head, column in zip(fitted.heads, probabilities.T, strict=True):
        present = np.array([head.label in record.severities for record in test], bool)
        heads.append(replace(head, metrics=measure(column, present, clean, head.threshold.value, split)))
    return replace(fitted, heads=tuple(heads))


def features_of(spec: BackboneSpec, site: TrainingJob) -> RecordFeatures:
    spec = with_network(spec, site.registry)
    # One thread: the records are what is worked on in parallel.
    source = open_backbone(spec, device=site.processes.device, threads=1)
    return RecordFeatures(backbone=source, hashes=site.hashes, cache=site.cache, frames=site.frames)


def share_out(features: RecordFeatures, records: Sequence[Record], processes: Processes) -> None:
    """Each process computes its share and leaves it in the cache for all."""
    if processes.size > 1:
        features.of(records[processes.rank :: processes.size], "native")
        processes.wait()


def _feature_samples(
    features: RecordFeatures, records: Sequence[Record], labels: Sequence[str], processes: Processes
) -> Samples:
    share_out(features, records, processes)
    return FeatureSamples(windows=features.of(records, "native"), targets=Targets.of(records, labels))


def _patch_samples(
    backbone: TrainableBackbone, records: Sequence[Record], labels: Sequence[str], recipe: RecordRecipe, frames: int
) -> Samples:
    grid = PatchGrid(side=backbone.side, stride=backbone.stride)
    return PatchSamples(
        records=records,
        targets=Targets.of(records, labels),
        grid=grid,
        random_patches=recipe.random_patches,
        frames=frames,
    )


def identity_of(
    choice: NetworkChoice, site: TrainingJob, parts: Sequence[Sequence[Record]], labels: Sequence[str], fingerprint: str
) -> str:
    """SHA-256 (hex) of everything that decides the weights."""
    records = [[[site.hashes[r.path], sorted(r.severities.items())] for r in part] for part in parts]
    content = [asdict(choice.recipe), choice.finetune, list(labels), records, fingerprint, site.frames]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
