"""Find backbones: the bundled one, those of plugins by name, and those that `dheads train` wrote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from distortion_heads.backbones.familiarity import SUFFIX
from distortion_heads.backbones.files import is_patch_backbone, read_backbone, read_header, read_patch_backbone
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.errors import BackboneError
from distortion_heads.registry.build import Registry, build_registry
from distortion_heads.registry.discovery import LoadedPlugins
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import BackboneRef, BackboneSpec


def named_backbone(name: str, registry: Registry) -> BackboneSpec | None:
    """Return the bundled backbone or a plugin's of that name, if there is one."""
    bundled = bundled_backbone()
    if name == bundled.name:
        return bundled
    found = registry.backbones.get(name)
    return found.spec if found else None


def backbone_in(folder: Path) -> BackboneSpec:
    """Return the backbone in `folder/backbone`, or in `folder`; raise `BackboneError` unless there is exactly one."""
    place = folder / "backbone" if (folder / "backbone").is_dir() else folder
    weights = sorted(file for file in place.glob("*.safetensors") if not file.stem.endswith(SUFFIX))
    if len(weights) != 1:
        raise BackboneError(f"{place} holds {len(weights)} .safetensors files, not one backbone and its .onnx")
    return BackboneSpec(name=weights[0].stem, weights=weights[0], graph=weights[0].with_suffix(".onnx"))


def with_network(spec: BackboneSpec, registry: Registry) -> BackboneSpec:
    """Return `spec` and, if its file says that a plugin built its network, that plugin's builder, for torch."""
    if spec.network is not None or not is_patch_backbone(spec.weights):
        return spec
    network = read_header(spec.weights).get("network")
    if not isinstance(network, dict) or network.get("source") != "plugin":
        return spec
    found = registry.backbones.get(str(network.get("name")))
    return spec if found is None else replace(spec, network=found.spec.network, patches=found.spec.patches)


def find_backbone(text: str, registry: Registry) -> BackboneSpec:
    """Return the backbone of that name, or the one in that folder; raise `BackboneError` if there is neither."""
    if found := named_backbone(text, registry):
        return found
    if Path(text).is_dir():
        return with_network(backbone_in(Path(text)), registry)
    names = ", ".join([bundled_backbone().name, *registry.backbones])
    raise BackboneError(f"no backbone {text!r}: give the folder that `dheads train` wrote, or one of {names}")


def heads_in(folder: Path) -> Registry:
    """Return a registry of the heads in `folder/heads` and no others."""
    loaded = LoadedPlugins(plugins=(), failures=())
    return build_registry(user_heads=Store(folder).user_plugin(), loaded=loaded)


def read_ref(spec: BackboneSpec) -> BackboneRef:
    """Return name, fingerprint and dimension of a backbone; raise `BackboneError` if its file is damaged."""
    if is_patch_backbone(spec.weights):
        return read_patch_backbone(spec.weights).ref
    return read_backbone(spec.weights).ref
