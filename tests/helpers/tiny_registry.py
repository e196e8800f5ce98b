"""A registry of a few built-in distortions whose heads have random weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from distortion_heads.backbones.files import read_backbone
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.heads.file import dump_head
from distortion_heads.registry.build import Registry, build_registry
from distortion_heads.spec import View, width_of
from helpers.sample_heads import make_head


@dataclass(frozen=True)
class TinyRegistry:
    """Makes a registry of `labels` with the head files of `folder`; travels to other processes.

    `mute` has no generator.
    """

    folder: Path
    labels: tuple[str, ...]
    mute: str = ""

    def __call__(self) -> Registry:
        registry = build_registry(environ={"DHEADS_LOAD_PLUGINS": ""})
        heads = {}
        for label in self.labels:
            head = registry.head(label)
            spec = replace(head.spec, weights=self.folder / f"{label}.safetensors")
            heads[label] = replace(head, spec=replace(spec, synthesize=None) if label == self.mute else spec)
        return Registry(MappingProxyType(heads), registry.backbones, (), ())


def write_heads(folder: Path, views: Mapping[str, View], seed: int = 0) -> TinyRegistry:
    """A head file for each label in `views`, with weights by `seed`; the registry that has them."""
    folder.mkdir(exist_ok=True)
    ref = read_backbone(bundled_backbone().weights).ref
    for i, (label, view) in enumerate(views.items()):
        head = make_head(label, dim=width_of(view, ref.dim), hidden=(4,), seed=seed + i, backbone=ref, view=view)
        (folder / f"{label}.safetensors").write_bytes(dump_head(head))
    return TinyRegistry(folder, tuple(views))
