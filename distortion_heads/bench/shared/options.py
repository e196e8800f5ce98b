"""Options that all benches share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.build import Registry

Progress: TypeAlias = Callable[[int, int], None]
MakeRegistry: TypeAlias = Callable[[], Registry]
"""Hashable and picklable: specs hold functions, which do not always travel, so each process makes its own registry."""


@dataclass(frozen=True)
class InstalledRegistry:
    """Makes the registry of what is installed and of the user's own heads."""

    no_plugins: bool = False

    def __call__(self) -> Registry:
        return load_registry(no_plugins=self.no_plugins)


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """Options of every bench: the folder of the report, labels, how many items (None: all), processes.

    `command` is quoted in the report.
    """

    out: Path
    heads: tuple[str, ...] | None = None
    limit: int | None = None
    jobs: int = 1
    command: str
