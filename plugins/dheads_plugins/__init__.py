"""The built-in heads: one module per distortion, its weights beside it under `weights/`."""

from __future__ import annotations

from collections.abc import Iterable

from distortion_heads.hookspecs import hookimpl
from distortion_heads.spec import HeadSpec

MODULES = ("gaussian_blur",)


@hookimpl
def dheads_heads() -> Iterable[HeadSpec]:
    """Import each distortion's module only now: `dheads --help` needs none of them."""
    from importlib import import_module

    for name in MODULES:
        head: HeadSpec = import_module(f"{__name__}.{name}").HEAD
        yield head
