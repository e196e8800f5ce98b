"""Put a profile of thresholds into a package of heads."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from distortion_heads.errors import ProfileError
from distortion_heads.export.package_files import PackedHead
from distortion_heads.registry.build import Registry
from distortion_heads.registry.profiles import OwnThreshold, Profile
from distortion_heads.spec import QUALITY, TEMPORAL, BackboneRef


def profile_of_package(
    profile: Profile, heads: Sequence[PackedHead], registry: Registry, backbone: BackboneRef
) -> Profile:
    """Return `profile` for those who install the package: of its heads, as they are packed, and of the built-in ones.

    Raises `ProfileError` unless it was made for just these heads on `backbone`.
    """
    profile.check_backbone(backbone)
    own = profile.thresholds()
    kept = {label: own[label] for label in own if _is_builtin(label, registry)}
    for head in heads:
        if head.file.view != TEMPORAL and head.file.scope != QUALITY:
            kept[head.file.label] = _threshold(profile.name, own.get(head.file.label), head)
    return replace(profile, heads=tuple(kept[label] for label in sorted(kept)))


def _is_builtin(label: str, registry: Registry) -> bool:
    return label in registry.heads and registry.heads[label].owner.is_builtin


def _threshold(profile: str, own: OwnThreshold | None, head: PackedHead) -> OwnThreshold:
    """Return the threshold of a head, bound to the packed file: it differs from the own one in licences alone."""
    label = head.file.label
    if own is None or own.fingerprint != hashlib.sha256(head.source.read_bytes()).hexdigest():
        why = f"has no threshold for the head {label!r}" if own is None else f"was made with another head {label!r}"
        raise ProfileError(f"profile {profile!r} {why}: run `dheads calibrate --profile {profile} --force` with it")
    return replace(own, fingerprint=hashlib.sha256(head.data).hexdigest())
