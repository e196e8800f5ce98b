"""From labelled records to a backbone with its files and one finished head per label."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from distortion_heads.backbone import open_backbone
from distortion_heads.backbone_files import named_backbone
from distortion_heads.errors import BackboneError, DataError
from distortion_heads.heads import HeadBank
from distortion_heads.patch_backbone import read_patch_backbone
from distortion_heads.patches import PatchGrid
from distortion_heads.registry import Registry
from distortion_heads.spec import BackboneSpec, Calibration, HeadFile, HeadMetrics, Provenance, Threshold
from distortion_heads.training.calibration import calibrate, choose_threshold, image_probabilities
from distortion_heads.training.corpora.record import Record
from distortion_heads.training.evaluation.heads_on_features import HeadJudge
from distortion_heads.training.evaluation.record_features import RecordFeatures
from distortion_heads.training.examples import Examples
from distortion_heads.training.features import FeatureCache
from distortion_heads.training.metrics import measure
from distortion_heads.training.multitask import Checkpoint, Progress, train
from distortion_heads.training.open_trainable import open_trainable
from distortion_heads.training.processes import Processes
from distortion_heads.training.recipes import Finetune, Recipe
from distortion_heads.training.samples import FeatureSamples, PatchSamples, Samples, Targets
from distortion_heads.training.towers import MultiTask, Towers
from distortion_heads.training.trainable import PatchNetwork, TrainableBackbone
from distortion_heads.weights import dump_head, parse_head, write_atomic

VOTE = 1e6
"""Scale of the logits that turns the mean of the windows' probabilities into the share of windows that fire."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which network, and how it is trained. `weights`: see `open_trainable`."""

    backbone: str
    weights: str | None = None
    finetune: Finetune = "frozen"
    recipe: Recipe = field(default_factory=lambda: Recipe(name="dheads"))


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where training happens. The checkpoint lies in `run`, the backbone is written to `backbones`.

    `hashes`: SHA-256 of every record's file. `command`, `data`: for the heads' provenance.
    """

    run: Path
    backbones: Path
    cache: FeatureCache
    hashes: dict[Path, str]
    registry: Registry
    processes: Processes = field(default_factory=Processes)
    report: Callable[[Progress], None] = lambda progress: None
    command: str = "dheads train"
    data: str = "a labelled dataset"


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """The backbone's files, what reads them, and the heads in the order of the labels."""

    backbone: BackboneSpec
    features: RecordFeatures
    heads: tuple[HeadFile, ...]

    def judge(self) -> HeadJudge:
        return HeadJudge(self.heads, self.features)


def fit_network(
    choice: Choice, site: Site, fit: Sequence[Record], validation: Sequence[Record], labels: Sequence[str]
) -> Fitted:
    """Train on `fit`; `validation` decides when to stop, and calibrates. A killed run goes on where it stopped.

    Raises `DataError` (records, weights, another run's checkpoint), `BackboneError` or `MissingExtraError`.
    """
    if not (fit and validation):
        raise DataError("there are too few records: some are needed to train on, and others to validate with")
    if choice.finetune == "frozen":
        spec = _frozen_files(choice, site)
        features = _features(spec, site)
        samples = tuple(_feature_samples(features, part, labels, site.processes) for part in (fit, validation))
        dim, fingerprint = features.backbone.ref.dim, features.backbone.ref.fingerprint
        backbone = None
    else:
        backbone = open_trainable(choice.backbone, choice.weights, choice.recipe, site.registry)
        backbone.unfreeze(choice.finetune)
        backbone.learns_norms = choice.weights == "none" and choice.finetune == "all"
        samples = tuple(_patch_samples(backbone, part, labels, choice.recipe) for part in (fit, validation))
        dim, fingerprint = backbone.dim, backbone.ref.fingerprint

    torch.manual_seed(choice.recipe.seed)
    towers = Towers(dim, len(labels), choice.recipe.hidden, severity=choice.recipe.severity)
    network = MultiTask(backbone, towers)
    identity = _identity(choice, site, (fit, validation), labels, fingerprint)
    checkpoint = Checkpoint(site.run / "checkpoint.pt", identity)
    train(network, samples[0], samples[1], choice.recipe, checkpoint, site.processes, site.report)

    if backbone is not None:
        spec = _write(backbone, site, _info(choice, site, labels))
        features = _features(spec, site)
        _share_out(features, validation, site.processes)
    heads = _finish(network.towers, choice, site, features, (fit, validation), labels)
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


def versions() -> dict[str, str]:
    packages = ("distortion-heads", "numpy", "onnxruntime", "pillow", "torch", "torchvision")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def write_backbone(backbone: TrainableBackbone, folder: Path, info: dict[str, object]) -> BackboneSpec:
    """Write NAME.safetensors and NAME.onnx. Raises `DataError` if they cannot be written."""
    spec = _spec_in(folder, backbone.name)
    weights, graph = backbone.files(info)
    _put(spec, weights, graph)
    return spec


def _spec_in(folder: Path, name: str) -> BackboneSpec:
    return BackboneSpec(name=name, weights=folder / f"{name}.safetensors", graph=folder / f"{name}.onnx")


def _put(spec: BackboneSpec, weights: bytes, graph: bytes) -> None:
    try:
        for file, data in ((spec.weights, weights), (spec.graph, graph)):
            assert isinstance(file, Path)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(file, data)
    except OSError as error:
        raise DataError(f"cannot write {file}: {error.strerror or error}; choose another --out") from None


def _write(backbone: TrainableBackbone, site: Site, info: dict[str, object]) -> BackboneSpec:
    """The first process writes; the others wait until the files are there."""
    if site.processes.is_first:
        write_backbone(backbone, site.backbones, info)
    site.processes.wait()
    return _spec_in(site.backbones, backbone.name)


def _frozen_files(choice: Choice, site: Site) -> BackboneSpec:
    """The files of a backbone that is not trained: a copy of those that it has, or made from the network."""
    found = named_backbone(choice.backbone, site.registry)
    if found is not None and choice.weights is None:
        if site.processes.is_first:
            try:
                _put(_spec_in(site.backbones, found.name), found.weights.read_bytes(), found.graph.read_bytes())
            except OSError as error:
                raise DataError(f"cannot read the backbone {found.name!r}: {error}") from None
        site.processes.wait()
        return _spec_in(site.backbones, found.name)
    backbone = open_trainable(choice.backbone, choice.weights, choice.recipe, site.registry)
    spec = _spec_in(site.backbones, backbone.name)
    if site.processes.is_first and not _holds(spec, backbone):
        write_backbone(backbone, site.backbones, _info(choice, site, ()))
    site.processes.wait()
    return spec


def _holds(spec: BackboneSpec, backbone: TrainableBackbone) -> bool:
    """Whether these files are there and are this backbone's."""
    if not (spec.weights.is_file() and spec.graph.is_file() and isinstance(backbone, PatchNetwork)):
        return False
    try:
        return read_patch_backbone(spec.weights).ref == backbone.ref
    except BackboneError:
        return False


def _features(spec: BackboneSpec, site: Site) -> RecordFeatures:
    device = site.processes.device
    source = open_backbone(spec, device=device, threads=1)  # the records are what is worked on in parallel
    return RecordFeatures(backbone=source, hashes=site.hashes, cache=site.cache)


def _share_out(features: RecordFeatures, records: Sequence[Record], processes: Processes) -> None:
    """Each process computes its share and leaves it in the cache for all."""
    if processes.size > 1:
        features.of(records[processes.rank :: processes.size], "native")
        processes.wait()


def _feature_samples(
    features: RecordFeatures, records: Sequence[Record], labels: Sequence[str], processes: Processes
) -> Samples:
    _share_out(features, records, processes)
    return FeatureSamples(windows=features.of(records, "native"), targets=Targets.of(records, labels))


def _patch_samples(
    backbone: TrainableBackbone, records: Sequence[Record], labels: Sequence[str], recipe: Recipe
) -> Samples:
    grid = PatchGrid(side=backbone.side, stride=backbone.stride)
    return PatchSamples(
        records=records, targets=Targets.of(records, labels), grid=grid, random_patches=recipe.random_patches
    )


def _identity(
    choice: Choice, site: Site, parts: Sequence[Sequence[Record]], labels: Sequence[str], fingerprint: str
) -> str:
    """SHA-256 (hex) of everything that decides the weights."""
    records = [[[site.hashes[r.path], sorted(r.severities.items())] for r in part] for part in parts]
    content = [asdict(choice.recipe), choice.finetune, list(labels), records, fingerprint]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _info(choice: Choice, site: Site, labels: Sequence[str]) -> dict[str, object]:
    """For people who look into the backbone's file."""
    weights = Path(choice.weights).name if choice.weights else "its own"
    trained = {"recipe": asdict(choice.recipe), "labels": list(labels), "data": site.data} if labels else {}
    return {"weights": weights, "finetune": choice.finetune, "command": site.command, "versions": versions(), **trained}


def _finish(
    towers: Towers,
    choice: Choice,
    site: Site,
    features: RecordFeatures,
    parts: tuple[Sequence[Record], Sequence[Record]],
    labels: Sequence[str],
) -> tuple[HeadFile, ...]:
    """Head files from the towers, calibrated on the validation part (the second)."""
    fit, validation = parts
    digests = sorted({site.hashes[record.path] for part in parts for record in part})
    sha256 = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    windows = [w.astype(np.float32) for w in features.of(validation, "native")]
    heads = []
    for i, label in enumerate(labels):
        positive = sum(label in record.severities for record in fit)
        provenance = Provenance(
            data=site.data,
            data_sha256=sha256,
            n_pos=positive,
            n_neg=len(fit) - positive,
            seed=choice.recipe.seed,
            command=site.command,
            versions=versions(),
        )
        card = site.registry.heads.get(label)
        head = HeadFile(
            label=label,
            title=card.spec.title if card else label.replace("_", " ").capitalize(),
            family=card.spec.family if card else "other",
            license="Apache-2.0",
            created_with=f"distortion-heads {version('distortion-heads')}",
            view="native",
            backbone=features.backbone.ref,
            layers=towers.layers(i),
            outputs=("presence", "severity") if choice.recipe.severity else ("presence",),
            calibration=Calibration(),
            threshold=Threshold(),
            metrics=HeadMetrics(split="", n=0),
            provenance=provenance,
        )
        stored = parse_head(dump_head(head), label)  # calibrate what is shipped: weights rounded to float16
        examples = Examples.pack(
            windows,
            [label in record.severities for record in validation],
            clean=[record.clean for record in validation],
        )
        heads.append(_with_decision(stored, examples, choice.recipe))
    return tuple(heads)


def _with_decision(head: HeadFile, validation: Examples, recipe: Recipe) -> HeadFile:
    """Calibration and threshold by the recipe, and the figures on the validation part."""
    logits: NDArray[np.float64] = HeadBank([head]).evaluate(validation.windows).logits[0].astype(np.float64)
    both = bool(validation.labels.any() and not validation.labels.all())
    calibration, threshold = Calibration(), Threshold()
    if recipe.calibrate and both:
        calibration = calibrate(logits, validation)
    if recipe.pooling == "majority":
        scale, offset = VOTE * calibration.scale, VOTE * calibration.offset
        calibration = Calibration(method="platt", params={"scale": scale, "offset": offset})
        threshold = Threshold(objective="majority of the windows")
    probabilities = image_probabilities(logits, validation.starts, calibration.scale, calibration.offset)
    if recipe.calibrate and both and recipe.pooling == "mean":
        threshold = choose_threshold(probabilities, validation.labels, validation.clean, None)
    split = "validation part, which also decided when to stop and calibrated"
    metrics = measure(probabilities, validation.labels, validation.clean, threshold.value, split)
    return replace(head, calibration=calibration, threshold=threshold, metrics=metrics)
