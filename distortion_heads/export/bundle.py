"""One ONNX file of a backbone and any heads: a picture of any size in, the answers of `Predictor` out.

The graph holds all that `predict` does between the pixels and the answers, in standard operators: views, backbone,
heads, calibration, families. It leaves to the caller what comes before: decoding, orientation, transparency, and what
surrounds the scene (bars, frames, an endoscope's round field).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.errors_text import reason
from distortion_heads.backbones.files import BackboneFile, is_patch_backbone, read_backbone
from distortion_heads.backbones.graph_parts import Parts
from distortion_heads.errors import BackboneError, DataError, MissingExtraError
from distortion_heads.export.answers_graph import family_answers, head_answers, members_of
from distortion_heads.export.features_graph import Cells, add_weights, cells_of, native_features, overview_features
from distortion_heads.export.heat_graph import Scene, heat_maps, mapped_families
from distortion_heads.export.light_graph import light_statistics
from distortion_heads.export.picture_graph import can_be_judged, native_canvas, overview, overview_canvas
from distortion_heads.export.quality_graph import quality_answers
from distortion_heads.export.tensors import Tensor, beside, joined
from distortion_heads.export.traces_graph import traces
from distortion_heads.heads.head import HeadFile
from distortion_heads.heat.place_model import bundled_places
from distortion_heads.spec import FAMILY, FULL, LIGHT, BackboneSpec, View

SCHEMA = "dheads-bundle/1"
OPSET, IR_VERSION = 17, 8
"""The versions of ONNX 1.12 (2022), which ONNX Runtime 1.13 and later read."""

OUTPUTS = {
    "probability": ("FLOAT", ["heads"]),
    "severity": ("FLOAT", ["heads"]),
    "present": ("BOOL", ["heads"]),
    "share": ("FLOAT", ["heads"]),
    "family_probability": ("FLOAT", ["families"]),
    "family_severity": ("FLOAT", ["families"]),
    "family_threshold": ("FLOAT", ["families"]),
    "family_present": ("BOOL", ["families"]),
    "family_other_share": ("FLOAT", ["families"]),
    "quality": ("FLOAT", ["qualities"]),
    "quality_spread": ("FLOAT", ["qualities"]),
    "heat": ("FLOAT", ["heat", "rows", "columns"]),
    "heat_level": ("FLOAT", ["heat"]),
    "heat_side": ("FLOAT", ["heat:sides"]),
    "heat_rough": ("FLOAT", ["heat_rough", "rough rows", "rough columns"]),
    "heat_rough_level": ("FLOAT", ["heat_rough"]),
    "heat_rough_side": ("FLOAT", ["heat_rough:sides"]),
    "judged": ("BOOL", []),
    "windows": ("INT64", []),
}
"""Name, type and shape of each output; those of what a bundle has none of are not there."""


def write_bundle(path: Path, spec: BackboneSpec, heads: Sequence[HeadFile], qualities: Sequence[HeadFile] = ()) -> int:
    """Write the file and return its size in bytes.

    Raises `BackboneError` for a backbone of patches, `MissingExtraError` without the onnx package, `DataError` if
    there is no head or the file cannot be written.
    """
    if is_patch_backbone(spec.weights):
        raise BackboneError(f"{spec.name} reads patches, not cells: a bundle takes a backbone made by `dheads train`")
    data = build_bundle(read_backbone(spec.weights), heads, qualities)
    try:
        write_atomic(path, data)
    except OSError as error:
        raise DataError(f"cannot write {path}: {reason(error)}") from None
    return len(data)


def build_bundle(backbone: BackboneFile, heads: Sequence[HeadFile], qualities: Sequence[HeadFile] = ()) -> bytes:
    """Serialise the checked model; the same backbone and heads give the same bytes.

    Input `pixels` uint8 (H, W, 3), RGB of any size; the outputs are `OUTPUTS`, float32 where they are numbers.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("export --bundle") from None

    if not heads and not qualities:
        raise DataError("a bundle needs a head that answers for single pictures: name one with --heads")
    parts = Parts()
    pixels = Tensor(parts, "pixels", np.dtype(np.uint8))
    scene = _scene(pixels, backbone, {head.view for head in (*heads, *qualities)})
    for name, value in _answers(scene, heads, qualities).items():
        parts.nodes.append(onnx.helper.make_node("Identity", [value.name], [name]))
    model = _model(parts, backbone, heads, qualities, mapped_families(heads, scene.places))
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _answers(scene: Scene, heads: Sequence[HeadFile], qualities: Sequence[HeadFile]) -> dict[str, Tensor]:
    features = scene.features
    found = _faults(scene, heads) if heads else {}
    if qualities:
        value, spread = quality_answers(features, qualities)
        found |= {"quality": value.cast(np.float32), "quality_spread": spread.cast(np.float32)}
    return {**found, "judged": can_be_judged(scene.pixels), "windows": next(iter(features.values())).length(0)}


def _faults(scene: Scene, heads: Sequence[HeadFile]) -> dict[str, Tensor]:
    answers = head_answers(scene.features, heads)
    families, share, other = family_answers(answers, heads)
    return {
        "probability": answers.probability.cast(np.float32),
        "severity": answers.severity.cast(np.float32),
        "present": answers.present,
        "share": share.cast(np.float32),
        "family_probability": families.probability.cast(np.float32),
        "family_severity": families.severity.cast(np.float32),
        "family_threshold": families.threshold.cast(np.float32),
        "family_present": families.present,
        "family_other_share": other.cast(np.float32),
        **heat_maps(scene, heads, answers, families),
    }


def _scene(pixels: Tensor, backbone: BackboneFile, views: set[View]) -> Scene:
    add_weights(pixels, backbone)
    features: dict[View, Tensor] = {}
    cells: dict[View, Cells] = {}
    small = None
    if views & {"native", FULL}:
        cells["native"] = cells_of(native_canvas(pixels), backbone)
        features["native"] = native_features(cells["native"])
    if views & {"overview", LIGHT, FULL}:
        small = overview(pixels)
        cells["overview"] = cells_of(overview_canvas(small), backbone)
        whole = features["overview"] = overview_features(cells["overview"])
        if views & {LIGHT, FULL}:
            features[LIGHT] = joined([whole, light_statistics(pixels, small)], 1)
    if FULL in views:
        features[FULL] = beside(features["native"], joined([features[LIGHT], traces(pixels)], 1))
    places = bundled_places(backbone.ref) if "native" in cells else None
    return Scene(pixels=pixels, small=small, cells=cells, features=features, places=places)


def _model(
    parts: Parts,
    backbone: BackboneFile,
    heads: Sequence[HeadFile],
    qualities: Sequence[HeadFile],
    maps: Mapping[str, list[str]],
) -> Any:
    from onnx import TensorProto, helper

    sizes = {"heads": len(heads), "families": len(members_of(heads)), "qualities": len(qualities)}
    for name, families in maps.items():
        sizes |= {name: len(families), f"{name}:sides": 2 * bool(families)}
    outputs = [
        helper.make_tensor_value_info(name, getattr(TensorProto, kind), [sizes.get(size, size) for size in shape])
        for name, (kind, shape) in OUTPUTS.items()
        if all(sizes.get(size, True) for size in shape)
    ]
    picture = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["height", "width", 3])
    graph = helper.make_graph(parts.nodes, "distortion_heads", [picture], outputs, parts.tensors)
    model = helper.make_model(graph, producer_name="distortion-heads", opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    helper.set_model_props(model, _metadata(backbone, heads, qualities, maps))
    return model


def _metadata(
    backbone: BackboneFile,
    heads: Sequence[HeadFile],
    qualities: Sequence[HeadFile],
    maps: Mapping[str, list[str]],
) -> dict[str, str]:
    """Names of all that the outputs hold, in their order, as JSON."""
    facts = [
        {
            "label": head.label,
            "title": head.title,
            "family": head.family,
            "scope": head.scope,
            "view": head.view,
            "threshold": head.threshold.value,
            "license": head.license,
        }
        for head in heads
    ]
    families = [
        {"family": family, "own_head": any(heads[row].scope == FAMILY for row in rows)}
        for family, rows in members_of(heads).items()
    ]
    scales = [
        {"label": head.label, "title": head.title, "license": head.license, **asdict(head.scale)}
        for head in qualities
        if head.scale is not None
    ]
    everything = {"schema": SCHEMA, "backbone": str(backbone.ref), "heads": facts, "families": families}
    lists = {
        "labels": [head.label for head in heads],
        "families": list(members_of(heads)),
        "qualities": [head.label for head in qualities],
        "dheads": {**everything, "qualities": scales, **maps},
    }
    return {name: json.dumps(value, sort_keys=True, separators=(",", ":")) for name, value in lists.items()}
