"""Backbone files to backbones, on the engine that a device asks for."""

from __future__ import annotations

from importlib.resources import files
from types import ModuleType

from distortion_heads._system.errors_text import reason
from distortion_heads._system.regular import open_regular
from distortion_heads.backbones.base import FeatureSource
from distortion_heads.backbones.cells import CellBackbone
from distortion_heads.backbones.files import (
    is_patch_backbone,
    read_backbone,
    read_patch_backbone,
)
from distortion_heads.backbones.graph_check import MAX_GRAPH_BYTES
from distortion_heads.backbones.onnx import OnnxEngine, OnnxPatchEngine
from distortion_heads.backbones.patches import PatchBackbone
from distortion_heads.errors import BackboneError, MissingExtraError
from distortion_heads.spec import BackboneSpec


def bundled_backbone() -> BackboneSpec:
    """The backbone that ships with this package."""
    folder = files("distortion_heads.backbones") / "bundled"
    return BackboneSpec(
        name="dheads_small",
        weights=folder / "dheads_small.safetensors",
        graph=folder / "dheads_small.onnx",
        description="Trained by this project from random initialisation on synthetic distortions.",
    )


def load_backbone(spec: BackboneSpec, *, device: str = "cpu", threads: int | None = None) -> CellBackbone:
    """Open a backbone: ONNX Runtime on the CPU, torch (extra `train`) on any other device.

    Raises `BackboneError` if a file is missing or damaged, `MissingExtraError` if torch is needed and not installed.
    """
    file = read_backbone(spec.weights)
    if device == "cpu":
        foreign = spec.graph != bundled_backbone().graph
        engine = OnnxEngine(_read_graph(spec), file.tensors, threads=threads, foreign=foreign)
        if foreign:
            engine.check_shape(file.architecture.dim)
        return CellBackbone(file, engine)
    return CellBackbone(file, _torch_engines(device).open_torch_engine(file.architecture, file.tensors, device))


def open_backbone(spec: BackboneSpec, *, device: str = "cpu", threads: int | None = None) -> FeatureSource:
    """Open a backbone of either kind; raises what `load_backbone` raises."""
    if is_patch_backbone(spec.weights):
        return load_patch_backbone(spec, device=device, threads=threads)
    return load_backbone(spec, device=device, threads=threads)


def load_patch_backbone(spec: BackboneSpec, *, device: str = "cpu", threads: int | None = None) -> PatchBackbone:
    """Open a backbone of this kind: ONNX Runtime on the CPU, torch (extra `train`) on any other device.

    Raises `BackboneError` if a file is missing or damaged, `MissingExtraError` if torch is needed and not installed.
    """
    file = read_patch_backbone(spec.weights)
    if device != "cpu":
        return PatchBackbone(file, _torch_engines(device).open_patch_engine(spec, file, device))
    engine = OnnxPatchEngine(_read_graph(spec), file, threads)
    engine.check_shape(file.grid.size, file.ref.dim)
    return PatchBackbone(file, engine)


def _torch_engines(device: str) -> ModuleType:
    try:
        from distortion_heads.backbones.with_torch import engines
    except ModuleNotFoundError:
        raise MissingExtraError(f"--device {device}") from None
    return engines


def _read_graph(spec: BackboneSpec) -> bytes:
    try:
        with open_regular(spec.graph) as stream:
            return stream.read(MAX_GRAPH_BYTES + 1)
    except OSError as error:
        raise BackboneError(f"cannot read the graph {spec.graph}: {reason(error)}") from None
