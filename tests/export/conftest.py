"""Heads of one's own that state where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distortion_heads.backbones.files import read_backbone
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.export.package import Package, PackRequest, make_package
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.profiles import OwnThreshold, Profile, head_fingerprint
from distortion_heads.spec import BackboneRef


@pytest.fixture(scope="session")
def ref() -> BackboneRef:
    return read_backbone(bundled_backbone().weights).ref


class Packing:
    """`packing("rain", ...)` is the package of the user's head."""

    def __init__(self, home: Path, ref: BackboneRef) -> None:
        self.home, self.ref = home, ref

    def __call__(self, *heads: str, **choices: Any) -> Package:
        return make_package(PackRequest(heads=heads, **choices), load_registry(no_plugins=True), self.ref)


@pytest.fixture
def packing(home: Path, ref: BackboneRef) -> Packing:
    return Packing(home, ref)


def own_profile(packing: Packing, *labels: str) -> Profile:
    """Thresholds of 0.25 for these heads."""
    registry = load_registry(no_plugins=True)
    thresholds = tuple(
        OwnThreshold(label=label, fingerprint=head_fingerprint(registry.heads[label]), value=0.25, alarms=1)
        for label in labels
    )
    return Profile(
        name="dashcam",
        backbone=packing.ref,
        promise="any",
        rate=0.01,
        confidence=0.9,
        clean=400,
        any_alarms=2,
        data="dash|cams",
        created_with="distortion-heads 0.1.0",
        heads=thresholds,
    )
