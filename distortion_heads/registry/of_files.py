"""A registry of head files alone, in their order, without any plugin."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType

from distortion_heads.heads.head import HeadFile
from distortion_heads.registry.build import RegisteredHead, Registry
from distortion_heads.registry.discovery import USER, Owner
from distortion_heads.spec import HeadSpec


def registry_of(heads: Iterable[tuple[HeadFile, Path]]) -> Registry:
    """Return a registry of these heads, each with its file, and of nothing else."""
    owner = Owner(distribution=USER, version="", name="files")
    specs = [
        HeadSpec(
            label=head.label,
            title=head.title,
            family=head.family,
            description="",
            weights=path,
            view=head.view,
            scope=head.scope,
        )
        for head, path in heads
    ]
    registered = {spec.label: RegisteredHead(spec=spec, owner=owner) for spec in specs}
    return Registry(MappingProxyType(registered), MappingProxyType({}), (), ())
