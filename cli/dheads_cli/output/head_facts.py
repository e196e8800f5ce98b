"""The facts about an attached head: from its plugin, and from its file if that can be used."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distortion_heads.errors import HeadFileError, ProfileError

if TYPE_CHECKING:
    from distortion_heads.heads.head import HeadFile
    from distortion_heads.registry.build import RegisteredHead
    from distortion_heads.registry.discovery import Owner
    from distortion_heads.registry.profiles import Profile
    from distortion_heads.spec import BackboneRef, HeadSpec


@dataclass(frozen=True, kw_only=True)
class HeadFacts:
    """`file` is None where there are no weights (`problem` is None too) or where `problem` says why not."""

    spec: HeadSpec
    owner: Owner
    file: HeadFile | None = None
    size: int = 0
    problem: str | None = None

    @property
    def label(self) -> str:
        return self.spec.label

    @property
    def title(self) -> str:
        return self.file.title if self.file else self.spec.title

    @property
    def family(self) -> str:
        """As in the results of `predict`."""
        return self.file.family if self.file else self.spec.family

    def summary(self) -> dict[str, Any]:
        """One line of `list --json`."""
        file = self.file
        return {
            "label": self.label,
            "title": self.title,
            "family": self.family,
            "scope": self.spec.scope,
            "view": file.view if file else self.spec.view,
            "trained": file is not None,
            "severity": file is not None and "severity" in file.outputs,
            "auroc": file.metrics.auroc if file else None,
            "threshold": file.threshold.value if file and not file.scale else None,
            "owner": str(self.owner),
            "problem": self.problem,
            "srocc": file.metrics.srocc if file else None,
        }

    def card(self) -> dict[str, Any]:
        """Return what `show --json` writes: the summary, the plugin's words, and the file's own metadata."""
        from distortion_heads.heads.file import dump_metadata

        return {
            **self.summary(),
            "description": self.spec.description,
            "source": self.spec.source,
            "synthesizer": self.spec.can_synthesize,
            "makes": [make.name for make in self.spec.makes],
            "file": None if self.spec.weights is None else str(self.spec.weights),
            "bytes": self.size if self.file else None,
            "metadata": json.loads(dump_metadata(self.file)) if self.file else None,
        }


def read_facts(head: RegisteredHead, backbone: BackboneRef, profile: Profile | None = None) -> HeadFacts:
    """Read and check the head's file, if it has one; with the threshold of `profile`."""
    if head.spec.weights is None:
        return HeadFacts(spec=head.spec, owner=head.owner)
    from distortion_heads.registry.attached import load_installed_head

    try:
        file = load_installed_head(head, backbone)
        file = file if profile is None else profile.laid_over(file, head)
    except (HeadFileError, ProfileError) as error:
        return HeadFacts(spec=head.spec, owner=head.owner, problem=str(error))
    return HeadFacts(spec=head.spec, owner=head.owner, file=file, size=len(head.spec.weights.read_bytes()))


def bundled_ref() -> BackboneRef:
    """Return the backbone that heads must have been trained on."""
    from distortion_heads.backbones.files import read_backbone
    from distortion_heads.backbones.open import bundled_backbone

    return read_backbone(bundled_backbone().weights).ref
