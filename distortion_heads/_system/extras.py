"""Packages that only some installations have."""

from __future__ import annotations

from importlib.util import find_spec

from distortion_heads.errors import MissingExtraError


def need_extra(command: str, *modules: str, extra: str = "train") -> None:
    """Raise `MissingExtraError` unless `modules` of the extra are installed; nothing is imported."""
    if any(find_spec(module) is None for module in modules):
        raise MissingExtraError(command, extra)
