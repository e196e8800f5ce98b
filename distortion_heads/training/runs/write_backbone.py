"""The two files of a backbone that was trained, or that is read as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.errors_text import reason
from distortion_heads.backbones.files import read_patch_backbone
from distortion_heads.backbones.with_torch.networks import PatchNetwork, TrainableBackbone
from distortion_heads.errors import BackboneError, DataError
from distortion_heads.registry.backbones import named_backbone
from distortion_heads.spec import BackboneSpec
from distortion_heads.training.networks.open_trainable import open_trainable
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob, versions


def write_backbone(backbone: TrainableBackbone, folder: Path, info: dict[str, object]) -> BackboneSpec:
    """Write NAME.safetensors and NAME.onnx. Raises `DataError` if they cannot be written."""
    spec = _spec_in(folder, backbone.name)
    weights, graph = backbone.files(info)
    _put(spec, weights, graph)
    return spec


def trained_files(
    backbone: TrainableBackbone, choice: NetworkChoice, site: TrainingJob, labels: Sequence[str]
) -> BackboneSpec:
    """The files of a backbone that was trained; the first process writes them, the others wait until they are there."""
    if site.processes.is_first:
        write_backbone(backbone, site.backbones, _info(choice, site, labels))
    site.processes.wait()
    return _spec_in(site.backbones, backbone.name)


def frozen_files(choice: NetworkChoice, site: TrainingJob) -> BackboneSpec:
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


def _spec_in(folder: Path, name: str) -> BackboneSpec:
    return BackboneSpec(name=name, weights=folder / f"{name}.safetensors", graph=folder / f"{name}.onnx")


def _put(spec: BackboneSpec, weights: bytes, graph: bytes) -> None:
    try:
        for file, data in ((spec.weights, weights), (spec.graph, graph)):
            assert isinstance(file, Path)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(file, data)
    except OSError as error:
        raise DataError(f"cannot write {file}: {reason(error)}; choose another --out") from None


def _holds(spec: BackboneSpec, backbone: TrainableBackbone) -> bool:
    """Return whether these files are there and are this backbone's."""
    if not (spec.weights.is_file() and spec.graph.is_file() and isinstance(backbone, PatchNetwork)):
        return False
    try:
        return read_patch_backbone(spec.weights).ref == backbone.ref
    except BackboneError:
        return False


def _info(choice: NetworkChoice, site: TrainingJob, labels: Sequence[str]) -> dict[str, object]:
    """For people who look into the backbone's file."""
    weights = Path(choice.weights).name if choice.weights else "its own"
    trained = {"recipe": asdict(choice.recipe), "labels": list(labels), "data": site.data} if labels else {}
    return {"weights": weights, "finetune": choice.finetune, "command": site.command, "versions": versions(), **trained}
