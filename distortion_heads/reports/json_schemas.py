"""JSON Schemas (draft 2020-12) of what this package writes, stored beside this module."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from distortion_heads.errors import DheadsError


def schema_names() -> tuple[str, ...]:
    """Return the names of all schemas, sorted."""
    return tuple(sorted(file.name.removesuffix(".json") for file in _folder().iterdir()))


def read_schema(name: str) -> str:
    """Return the text of one schema. Raises `DheadsError`, which names them all, if there is none of that name."""
    names = schema_names()
    if name not in names:
        raise DheadsError(f"no schema {name!r}: there are {', '.join(names)}")
    return _folder().joinpath(f"{name}.json").read_text(encoding="utf-8")


def _folder() -> Traversable:
    return files("distortion_heads.reports") / "schemas"
