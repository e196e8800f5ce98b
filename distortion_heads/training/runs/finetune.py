"""From labelled records to a backbone with its files and one finished head per label."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
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


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedTowers:
    """The backbone's files, what reads them, the trained heads, and their least loss on the validation part."""

    backbone: BackboneSpec
    features: RecordFeatures
    towers: Towers
    loss: float


def fit_network(
    choice: NetworkChoice, site: TrainingJob, fit: Sequence[Record], validation: Sequence[Record], labels: Sequence[str]
) -> Fitted:
    """Train on `fit`; `validation` decides when to stop, and calibrates. A killed run goes on where it stopped.

    Raises `DataError` (records, weights, another run's checkpoint), `BackboneError` or `MissingExtraError`.
    """
    done = train_towers(choice, site, (fit, validation), labels, lambda records: Targets.of(records, labels))
    heads = finished_heads(done.towers, choice, site, done.features, (fit, validation), labels)
    return Fitted(backbone=done.backbone, features=done.features, heads=heads)


def train_towers(
    choice: NetworkChoice,
    site: TrainingJob,
    parts: tuple[Sequence[Record], Sequence[Record]],
    labels: Sequence[str],
    targets: Callable[[Sequence[Record]], Targets],
) -> TrainedTowers:
    """Train a tower for each label to what `targets` says of records, on the first of `parts`; the second validates.

    Raises what `fit_network` raises.
    """
    if not all(parts):
        raise DataError("there are too few records: some are needed to train on, and others to validate with")
    if choice.finetune == "frozen":
        spec = frozen_files(choice, site)
        features = features_of(spec, site)
        samples: list[Samples] = [_feature_samples(features, part, targets, site.processes) for part in parts]
        dim, fingerprint = features.backbone.ref.dim, features.backbone.ref.fingerprint
        backbone = None
    else:
        backbone = open_trainable(choice.backbone, choice.weights, choice.recipe, site.registry)
        backbone.unfreeze(choice.finetune)
        backbone.learns_norms = choice.weights == "none" and choice.finetune == "all"
        samples = [_patch_samples(backbone, part, targets, choice.recipe, site.frames) for part in parts]
        dim, fingerprint = backbone.dim, backbone.ref.fingerprint

    torch.manual_seed(choice.recipe.seed)
    towers = Towers(dim, len(labels), choice.recipe.hidden, severity=choice.recipe.severity)
    network = MultiTask(backbone, towers)
    identity = identity_of(choice, site, parts, labels, fingerprint, samples)
    checkpoint = Checkpoint(site.run / "checkpoint.pt", {"another recipe, backbone or dataset": identity})
    least = train_on_records(network, samples[0], samples[1], choice.recipe, checkpoint, site.processes, site.report)

    if backbone is not None:
        spec = trained_files(backbone, choice, site, labels)
        features = features_of(spec, site)
        share_out(features, parts[1], site.processes)
    return TrainedTowers(backbone=spec, features=features, towers=towers, loss=least)


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
    features: RecordFeatures,
    records: Sequence[Record],
    targets: Callable[[Sequence[Record]], Targets],
    processes: Processes,
) -> Samples:
    share_out(features, records, processes)
    return FeatureSamples(windows=features.of(records, "native"), targets=targets(records))


def _patch_samples(
    backbone: TrainableBackbone,
    records: Sequence[Record],
    targets: Callable[[Sequence[Record]], Targets],
    recipe: RecordRecipe,
    frames: int,
) -> Samples:
    return PatchSamples(
        records=records,
        targets=targets(records),
        grid=backbone.grid,
        random_patches=recipe.random_patches,
        frames=frames,
        crop=recipe.crop,
    )


def identity_of(
    choice: NetworkChoice,
    site: TrainingJob,
    parts: Sequence[Sequence[Record]],
    labels: Sequence[str],
    fingerprint: str,
    samples: Sequence[Samples] = (),
) -> str:
    """SHA-256 (hex) of everything that decides the weights."""
    records = [[[site.hashes[r.path], sorted(r.severities.items())] for r in part] for part in parts]
    scores = [None if s.targets.scores is None else s.targets.scores.tolist() for s in samples]
    content = [asdict(choice.recipe), choice.finetune, list(labels), records, scores, fingerprint, site.frames]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
