"""Which heads and backbones there are: plugins, the user's own heads, backbones by name."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name not in ("Registry", "build_registry"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from distortion_heads.registry import build

    return getattr(build, name)
