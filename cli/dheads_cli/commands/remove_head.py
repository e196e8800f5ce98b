"""`dheads remove-head`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dheads_cli.output.console import complain, is_terminal, printable, stdout_stream
from dheads_cli.session import session_of
from distortion_heads.errors import RegistryError
from distortion_heads.spec import check_label


@click.command("remove-head")
@click.argument("label")
@click.option("--yes", "-y", is_flag=True, help="Do not ask: for scripts.")
@click.pass_context
def remove_head(ctx: click.Context, label: str, yes: bool) -> int:
    """Detach a head of your own and delete its file. No other head changes.

    On a terminal it asks first; elsewhere nothing is deleted without --yes.

    Exit status: 0 removed, 1 not removed, 2 wrong usage.
    """
    session = session_of(ctx)
    check_label(label)
    if label not in session.store.labels() and label in session.registry.heads:
        owner = session.registry.heads[label].owner
        raise RegistryError(f"head {label!r} is not your own: it comes with {owner}; uninstall that to be rid of it")
    path = session.store.path(label)
    if not yes and path.exists() and not _confirmed(path):
        complain("nothing was deleted")
        return 1
    session.store.remove(label)
    stdout_stream(machine=False).write(f"removed {printable(str(path))}\n")
    return 0


def _confirmed(path: Path) -> bool:
    """Ask on a terminal; no answer is a no. Raises `click.UsageError` where nobody can be asked."""
    if not is_terminal(sys.stdin):
        raise click.UsageError("nobody can be asked here: nothing was deleted; give --yes to delete")
    try:
        return click.confirm(f"Delete {printable(str(path))}?", err=True)
    except click.Abort:  # the end of the input, or Ctrl-C
        click.echo(err=True)  # the question has no end of line
        return False
