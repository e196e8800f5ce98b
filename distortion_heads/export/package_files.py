"""Write the files of a package of heads from templates."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distortion_heads.export.sample import sample_picture
from distortion_heads.heads.head import HeadFile
from distortion_heads.registry.profiles import Profile, profile_bytes
from distortion_heads.reports.markdown import number, render
from distortion_heads.spec import KIND

TEMPLATES = "distortion_heads.export"


@dataclass(frozen=True, kw_only=True)
class PackedHead:
    """A head as it goes into a package: its content, the bytes of its file, where it was read, its own licence.

    `generator` is the source of a module whose function `synthesize` makes the distortion, if there is one.
    """

    file: HeadFile
    source: Path
    data: bytes = field(repr=False)
    licence: str
    generator: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The facts that a package states; `answers`: each head's probability for the sample picture."""

    name: str
    version: str
    description: str | None
    licence: str
    non_commercial: bool
    requires: str
    heads: tuple[PackedHead, ...]
    answers: Mapping[str, float]
    profile: Profile | None = None

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    @property
    def docstring(self) -> str:
        """The summary without what would end a docstring."""
        return self.summary.replace("\\", "/").replace('"', "'")

    @property
    def summary(self) -> str:
        """The description, or one made of the heads' titles."""
        if self.description:
            return self.description
        titles = [head.file.title for head in self.heads]
        return f"Detects {', '.join(titles).lower()}: {'a head' if len(titles) == 1 else 'heads'} for distortion-heads."


def package_files(contents: Contents) -> dict[str, bytes]:
    """Return the files of the package by their path in its folder."""
    module = f"src/{contents.module}"
    values = {
        "package": contents,
        "heads": [_facts(head, contents) for head in contents.heads],
        "generators": sorted(head.file.label for head in contents.heads if head.generator is not None),
        "quoted": quoted,
        "profile_data": _cell(contents.profile.data) if contents.profile else "",
        "sample": inspect.getsource(sample_picture).strip(),
        "backbone": contents.heads[0].file.backbone,
    }
    texts = {
        "pyproject.toml": "pyproject.toml.j2",
        "README.md": "card.md.j2",
        "LICENSE": "licence.txt.j2",
        "tests/test_heads.py": "test_heads.py.j2",
        f"{module}/__init__.py": "module.py.j2",
    }
    files = {path: render(template, TEMPLATES, **values).encode() for path, template in texts.items()}
    files[f"{module}/py.typed"] = b""
    if contents.profile is not None:
        files[f"{module}/profiles/{contents.profile.name}.json"] = profile_bytes(contents.profile)
    for head in contents.heads:
        files[f"{module}/{head.file.label}.safetensors"] = head.data
        if head.generator is not None:
            files[f"{module}/{head.file.label}.py"] = head.generator
    return files


def quoted(text: str) -> str:
    """Return `text` as a string literal of Python, TOML and JSON alike."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _facts(head: PackedHead, contents: Contents) -> dict[str, Any]:
    """Return what the templates say of one head; texts are cells of Markdown tables."""
    file, origin, metrics = head.file, head.file.provenance, head.file.metrics
    description = contents.summary if len(contents.heads) == 1 else f"{file.title}: a head of the family {file.family}."
    figures = (metrics.auroc, metrics.ap, metrics.f1, metrics.ece, metrics.fpr_clean)
    return {
        "file": file,
        "is_family": file.scope != KIND,
        "description": description,
        "generator": head.generator is not None,
        "title": _cell(file.title),
        "family": _cell(file.family),
        "licence": head.licence,
        "answers": "presence and severity" if "severity" in file.outputs else "presence",
        "split": _cell(metrics.split),
        "figures": " | ".join(map(number, figures)),
        "data": _cell(origin.data),
        "command": " ".join(origin.command.split()),
        "pictures": _cell(", ".join(origin.image_licenses)) or "not stated",
    }


def _cell(text: str) -> str:
    """Return a text as one line of Markdown that cannot end a cell or begin a link, a tag or code."""
    line = " ".join(text.split())
    return "".join(f"\\{sign}" if sign in "\\|`<>[]*_#" else sign for sign in line)
