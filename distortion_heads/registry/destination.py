"""Where a new head goes: among the user's own, beside a backbone of a folder, or into a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from distortion_heads._system.errors_text import reason
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.errors import LabelTakenError, StoreError
from distortion_heads.heads.head import HeadFile
from distortion_heads.registry.backbones import find_backbone, heads_in, named_backbone
from distortion_heads.registry.build import Registry
from distortion_heads.registry.discovery import USER
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import FAMILY, BackboneSpec, check_label


@dataclass(frozen=True, kw_only=True)
class Destination:
    """The head `label` reads `backbone`; it goes into `store`, beside the heads of `attached`, or into the file `out`.

    `force` replaces the file, or a head of the user's.
    """

    label: str
    backbone: BackboneSpec
    store: Store
    attached: Registry
    out: Path | None = None
    force: bool = False

    def check(self) -> None:
        """Raise `InvalidLabelError`, `LabelTakenError` or `StoreError` unless the head may and can be written."""
        label, path = check_label(self.label), self.store.path(self.label)
        taken = self.attached.heads.get(label)
        if self.out is not None:
            _check_out(self.out, self.force)
        elif taken and taken.spec.weights is not None and taken.owner.distribution != USER:
            raise LabelTakenError(
                f"label {label!r} is taken by {taken.owner}: choose another label, or write a file only with --out FILE"
            )
        elif not self.force and os.path.lexists(path):
            raise LabelTakenError(f"label {label!r} is taken by {path}: replace it with --force")
        _check_writable(self.store.folder if self.out is None else self.out.parent)

    def save(self, head: HeadFile) -> Path:
        """Write the head, whole or not at all, and return its path. Raises `LabelTakenError` or `StoreError`."""
        if self.out is None:
            return self.store.save(head, overwrite=self.force)
        from distortion_heads._system.atomic import write_atomic
        from distortion_heads.heads.file import dump_head

        try:
            write_atomic(self.out, dump_head(head))
        except OSError as error:
            raise StoreError(f"{self.out} cannot be written: {reason(error).lower()}") from None
        return self.out


def destination(
    label: str, store: Store, registry: Registry, backbone: str | None, out: Path | None, force: bool
) -> Destination:
    """Return where a head for that backbone goes (a name, a folder, None for the bundled one). Raises `BackboneError`.

    A folder that `dheads train` wrote has heads of its own. Raises `LabelTakenError` for the name of a family.
    """
    installed = registry.heads.get(label)
    if installed and installed.spec.scope == FAMILY:
        raise LabelTakenError(f"{label!r} is the name of a family, whose head is not a kind's: choose another label")
    if backbone is None or named_backbone(backbone, registry):
        spec = bundled_backbone() if backbone is None else find_backbone(backbone, registry)
        return Destination(label=label, backbone=spec, store=store, attached=registry, out=out, force=force)
    folder = Path(backbone)
    spec = find_backbone(backbone, registry)
    return Destination(label=label, backbone=spec, store=Store(folder), attached=heads_in(folder), out=out, force=force)


def _check_out(out: Path, force: bool) -> None:
    if not out.parent.is_dir():
        raise StoreError(f"{out.parent}: no such folder")
    if out.is_dir():
        raise StoreError(f"{out} is a folder: give the name of a file")
    if not force and os.path.lexists(out):
        raise StoreError(f"{out} exists: replace it with --force")


def _check_writable(folder: Path) -> None:
    """Raise `StoreError` if nothing can be written to `folder`, which need not exist."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if os.path.lexists(parent))
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise StoreError(f"{existing} cannot be written to: set DHEADS_HOME to another folder, or use --out FILE")
