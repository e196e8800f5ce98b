"""The ICIP 2020 challenge on laparoscopic video: its format of answers, its score, and two commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distortion_heads.hookspecs import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def dheads_commands(cli: click.Group) -> None:
    """Add `submission2020` and `score2020`; what they need is imported when they run."""
    from dheads_icip2020 import commands

    cli.add_command(commands.submission2020)
    cli.add_command(commands.score2020)
