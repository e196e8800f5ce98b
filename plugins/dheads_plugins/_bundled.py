"""The weights that ship beside the built-in plugins."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable


def bundled(label: str) -> Traversable | None:
    """The head file of `label`, or None while it has not been trained."""
    file = files("dheads_plugins") / "weights" / f"{label}.safetensors"
    return file if file.is_file() else None
