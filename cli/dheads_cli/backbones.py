"""`--backbone`: which backbone predicts, and with which heads."""

from __future__ import annotations

from pathlib import Path

from dheads_cli.session import Session
from distortion_heads.registry.build import Registry
from distortion_heads.spec import BackboneSpec


def chosen_backbone(session: Session, text: str | None) -> tuple[BackboneSpec | None, Registry]:
    """Return the backbone of that name or folder, and its heads: its own if the folder has any, else the attached ones.

    Raises `BackboneError` if there is no such backbone.
    """
    if text is None:
        return None, session.checked_registry()
    from distortion_heads.registry.backbones import find_backbone, heads_in

    folder = Path(text)
    if (folder / "heads").is_dir():
        registry = heads_in(folder)
        session.report([str(failure) for failure in registry.failures])
        return find_backbone(text, session.registry), registry
    registry = session.checked_registry()
    return find_backbone(text, registry), registry
