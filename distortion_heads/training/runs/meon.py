"""MEON trained on a labelled dataset: a backbone that tells type and scores, a head per type, and one of quality."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from distortion_heads.backbones.files import read_patch_backbone
from distortion_heads.backbones.with_torch.meon import SIDE, SOURCE, VARIANTS, Places
from distortion_heads.backbones.with_torch.networks import PatchNetwork
from distortion_heads.backbones.with_torch.patch_network import new_meon
from distortion_heads.datasets.record import Record
from distortion_heads.errors import DataError
from distortion_heads.heads.head import HeadFile, Layer, Scale
from distortion_heads.spec import QUALITY
from distortion_heads.training.heads.quality_head import new_quality_head, rated_records, raw_qualities, with_figures
from distortion_heads.training.heads.train_head import HeadCard
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.lessons import Lesson
from distortion_heads.training.networks.record_samples import PatchSamples, Targets
from distortion_heads.training.networks.two_steps import train_jointly, train_types
from distortion_heads.training.runs.finetune import Fitted, features_of, identity_of, share_out
from distortion_heads.training.runs.finish_heads import finished_heads, provenance_of
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob
from distortion_heads.training.runs.opinions_of_records import FULL, Opinions, find_opinions
from distortion_heads.training.runs.write_backbone import trained_files
from distortion_heads.views.patches import PatchGrid

PRISTINE = "pristine"
VALIDATION_PATCHES = 2
"""Patches of a record that validate: enough to see a loss stall. Those that are trained on lie anywhere."""


def fit_meon(
    choice: NetworkChoice, site: TrainingJob, fit: Sequence[Record], validation: Sequence[Record], labels: Sequence[str]
) -> Fitted:
    """Train on `fit`, types first and then, where there are opinions, quality too; a killed run goes on.

    From a backbone of an earlier run (`choice.weights`) only the second step is done. Records of several faults are
    left out. Without opinions there is no head of quality. Raises `DataError`.
    """
    _check(choice)
    parts = _of_one_type(fit), _of_one_type(validation)
    if not all(any(record.clean for record in part) and not all(r.clean for r in part) for part in parts):
        raise DataError("recipe meon needs clean records and such of one fault: 'pristine' is one of its types")
    opinions = find_opinions([*parts[0], *parts[1]], site.registry, site.data, turned=site.mos_lower_better)
    samples = (
        _samples(_balanced(parts[0], labels), labels, opinions, choice, site),
        _samples(parts[1], labels, opinions, choice, site),
    )
    torch.manual_seed(choice.recipe.seed)
    network = new_meon(choice.backbone, len(labels) + 1)
    network.learns_norms, network.grid = True, replace(network.grid, stride=choice.recipe.stride)
    _train(network, choice, site, parts, samples, labels)

    spec = trained_files(network, choice, site, [*labels, PRISTINE])
    features = features_of(spec, site)
    share_out(features, parts[1], site.processes)
    places = Places.of(network.dim, len(labels) + 1)
    heads = finished_heads(_OfTypes(places, network.dim), choice, site, features, parts, labels)
    fitted = Fitted(backbone=spec, features=features, heads=heads)
    if opinions is None:
        return fitted
    head = _quality_head(places, network, choice, site, parts, opinions)
    fitted = replace(fitted, quality=head, opinions=opinions)
    return with_quality(fitted, parts[1], site, "validation part, which also decided when to stop")


def _train(
    network: PatchNetwork,
    choice: NetworkChoice,
    site: TrainingJob,
    parts: tuple[Sequence[Record], Sequence[Record]],
    samples: tuple[PatchSamples, PatchSamples],
    labels: Sequence[str],
) -> None:
    """Do both steps, or the second alone, in place."""
    quality = samples[0].targets.quality
    starts_anew = choice.weights in (None, "none")
    if not starts_anew:
        _start_from(network, Path(str(choice.weights)), labels)
    identity = {
        "another recipe, backbone or dataset": identity_of(choice, site, parts, labels, network.ref.fingerprint)
    }
    fit, validation = samples

    def lesson(file: str) -> Lesson:
        return Lesson(
            fit=fit,
            validation=validation,
            recipe=choice.recipe,
            checkpoint=Checkpoint(site.run / file, dict(identity)),
            processes=site.processes,
            report=site.report,
        )

    if starts_anew:
        train_types(network, lesson("types.pt"))
    if np.isfinite(quality).any():
        identity["a dataset with other opinions"] = hashlib.sha256(quality.tobytes()).hexdigest()
        train_jointly(network, lesson("quality.pt"))
    elif not starts_anew:
        raise DataError("--weights of an earlier run are for learning quality: give a dataset with opinions (mos)")
    network.eval()


def with_quality(fitted: Fitted, records: Sequence[Record], site: TrainingJob, split: str) -> Fitted:
    """Return the same with the figures of its head of quality, if any, on `records` that it was not trained on."""
    if fitted.quality is None or fitted.opinions is None:
        return fitted
    truth = fitted.opinions.of(records, site.registry)
    known = np.isfinite(truth)
    if not known.any():
        return fitted
    rated = [record for record, is_known in zip(records, known, strict=True) if is_known]
    raw = raw_qualities(fitted.quality, rated_records(fitted.features, rated, truth[known].astype(np.float32)))
    scenes = np.unique(np.array([record.scene for record in rated]), return_inverse=True)[1]
    head, _ = with_figures(fitted.quality, raw, truth[known], scenes, split)
    return replace(fitted, quality=head)


def _check(choice: NetworkChoice) -> None:
    if choice.backbone not in VARIANTS:
        raise DataError(f"recipe meon trains a network of its own, not {choice.backbone!r}: {', '.join(VARIANTS)}")
    if choice.weights == "imagenet":
        raise DataError("recipe meon has no ImageNet weights: leave --weights out, or give the file of an earlier run")
    if choice.finetune != "all":
        raise DataError("recipe meon trains the whole network: leave --finetune out")
    if choice.recipe.side != SIDE:
        raise DataError(f"recipe meon reads patches of {SIDE} pixels: leave --side out")


def _of_one_type(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if len(record.severities) < 2]


def _balanced(records: Sequence[Record], labels: Sequence[str]) -> list[Record]:
    """Return the records, clean ones as often as there are of a type on average, instead of weights of the loss."""
    clean = [record for record in records if record.clean]
    faulty = [record for record in records if not record.clean]
    return [*faulty, *clean * max(round(len(faulty) / len(labels) / len(clean)), 1)]


def _samples(
    records: Sequence[Record],
    labels: Sequence[str],
    opinions: Opinions | None,
    choice: NetworkChoice,
    site: TrainingJob,
) -> PatchSamples:
    quality = None if opinions is None else opinions.in_percent(opinions.of(records, site.registry))
    targets = Targets.of(records, labels, quality)
    pristine = 1 - targets.presence.max(1, keepdims=True)
    presence = np.concatenate([targets.presence, pristine], 1)
    return PatchSamples(
        records=records,
        targets=replace(targets, presence=presence, severity=np.full_like(presence, np.nan)),
        grid=PatchGrid(side=SIDE, stride=choice.recipe.stride, limit=VALIDATION_PATCHES),
        random_patches=max(choice.recipe.random_patches, 1),
        frames=site.frames,
    )


def _start_from(network: PatchNetwork, file: Path, labels: Sequence[str]) -> None:
    """Put in what an earlier run learnt: of the same types all but the scores, else what both networks share."""
    found = read_patch_backbone(file)
    if found.network.get("source") != SOURCE or found.network.get("name") != network.name:
        raise DataError(f"--weights {file} is no backbone that `--recipe meon --backbone {network.name}` wrote")
    same = found.info.get("labels") == [*labels, PRISTINE]
    parts = ("torso.shared.", "torso.of_types.") if same else ("torso.shared.",)
    state = {name: torch.from_numpy(value) for name, value in found.tensors.items() if name.startswith(parts)}
    network.load_state_dict(state, strict=False)


@dataclass(frozen=True)
class _OfTypes:
    """Heads that read the backbone's logit of their type against all others. Implements `HasLayers`."""

    places: Places
    dim: int

    def layers(self, head: int) -> tuple[Layer, ...]:
        weight = np.zeros((1, self.dim), np.float32)
        weight[0, self.places.against_others.start + head] = 1
        return (Layer(weight=weight, bias=np.zeros(1, np.float32), activation="identity"),)


def _quality_head(
    places: Places,
    network: PatchNetwork,
    choice: NetworkChoice,
    site: TrainingJob,
    parts: tuple[Sequence[Record], Sequence[Record]],
    opinions: Opinions,
) -> HeadFile:
    """Return the head that weighs the scores by the probabilities of the types, on the scale of the opinions."""
    types = places.types
    weight = np.zeros((2 * types, network.dim), np.float32)
    rows = np.arange(types)
    weight[rows, places.logits.start + rows] = 1
    weight[types + rows, places.scores.start + rows] = (opinions.high - opinions.low) / FULL
    bias = np.repeat(np.array([0, opinions.low], np.float32), types)
    card = HeadCard(label=QUALITY, title="Quality", family=QUALITY, license=site.head_license)
    scale = Scale(low=opinions.low, high=opinions.high, meaning=opinions.meaning, target=opinions.target)
    layers = [Layer(weight=weight, bias=bias, activation="softmax_mixture")]
    provenance = provenance_of(choice, site, parts, len(parts[0]))
    return new_quality_head(card, layers, network.ref, provenance, scale)
