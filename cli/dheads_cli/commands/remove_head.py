"""`dheads remove-head`."""

from __future__ import annotations

import sys

import click

from dheads_cli.output.console import is_terminal, printable, stdout_stream
from dheads_cli.session import session_of
from distortion_heads.errors import RegistryError
from distortion_heads.spec import check_label


@click.command("remove-head")
@click.argument("label")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_context
def remove_head(ctx: click.Context, label: str, yes: bool) -> int:
    """Detach a head of your own and delete its file. No other head changes."""
    session = session_of(ctx)
    check_label(label)
    if label not in session.store.labels() and label in session.registry.heads:
        owner = session.registry.heads[label].owner
        raise RegistryError(f"head {label!r} is not your own: it comes with {owner}; uninstall that to be rid of it")
    path = session.store.path(label)
    asks = not yes and path.exists() and is_terminal(sys.stdin)
    if asks and not click.confirm(f"Delete {printable(str(path))}?", err=True):
        return 1
    session.store.remove(label)
    stdout_stream(machine=False).write(f"removed {printable(str(path))}\n")
    return 0
