"""Settings of a project: `dheads.toml` in the current folder or one above it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import ProfileError

NAME = "dheads.toml"
KEYS = ("profile",)
MAX_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class Project:
    """Hold what the file at `path` says: the name of a profile, or the path of its file."""

    path: Path
    profile: str | None


def find_project(folder: Path) -> Project | None:
    """Read the nearest file, from `folder` upwards; None where there is none. Raises `ProfileError`."""
    for place in (folder, *folder.parents):
        if (path := place / NAME).is_file():
            return read_project(path)
    return None


def read_project(path: Path) -> Project:
    """Read a file; a relative path in it is relative to its folder. Raises `ProfileError`."""
    import tomllib

    try:
        with path.open("rb") as stream:
            values = tomllib.loads(stream.read(MAX_BYTES).decode())
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {reason(error)}") from None
    except ValueError as error:
        raise ProfileError(f"{path} is no TOML file: {error}") from None
    if unknown := [key for key in values if key not in KEYS]:
        raise ProfileError(f"{path}: unknown key {unknown[0]!r}; it may say {', '.join(KEYS)}")
    profile = values.get("profile")
    if profile is not None and not isinstance(profile, str):
        raise ProfileError(f"{path}: profile must be a text, the name of a profile or a file")
    if profile is not None and profile.endswith(".json"):
        profile = str(path.parent / profile)
    return Project(path=path, profile=profile)
