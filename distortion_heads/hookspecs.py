"""The hooks that a plugin may implement. Entry-point group, project name and prefix are all `dheads`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from distortion_heads.spec import BackboneSpec, HeadSpec

if TYPE_CHECKING:
    import click

PROJECT = "dheads"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def dheads_heads() -> Iterable[HeadSpec]:
    """Return the heads that this plugin brings. Called once, as the registry is built."""
    return ()


@hookspec
def dheads_backbones() -> Iterable[BackboneSpec]:
    """Return the backbones that this plugin brings. Called once, as the registry is built."""
    return ()


@hookspec
def dheads_commands(cli: click.Group) -> None:
    """Add commands to the `dheads` command line. Called once, as the CLI group is built."""
