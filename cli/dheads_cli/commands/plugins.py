"""`dheads plugins`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from dheads_cli.commands.plugins_search import write_found
from dheads_cli.lazy import LazyGroup
from dheads_cli.output.console import is_terminal, printable, stdout_stream, styled, table_text
from dheads_cli.session import Session, session_of
from distortion_heads.reports.pictures import to_json_line

if TYPE_CHECKING:
    from distortion_heads.registry.discovery import Owner

PLUGIN_COLUMNS = ("distribution", "version", "name", "hooks", "heads", "backbones")
FAILURE_COLUMNS = ("distribution", "version", "name", "stage", "reason")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object per plugin and per failure.")
@click.option("--strict", is_flag=True, help="Exit with 1 if anything failed.")
@click.option(
    "--search",
    is_flag=False,
    flag_value="",
    metavar="[TEXT]",
    help="List the installed heads by family instead; with TEXT those that it is in.",
)
@click.pass_context
def plugins(ctx: click.Context, as_json: bool, strict: bool, search: str | None) -> int:
    """Show which plugins were loaded from where, what they bring, and what failed."""
    session = session_of(ctx)
    if search is not None:
        return write_found(session, search, as_json)
    loaded, failed = _loaded(session), _failures(ctx, session)
    if as_json:
        stream = stdout_stream(machine=True)
        for item in (*loaded, *failed):
            stream.write(f"{to_json_line(item)}\n")
    else:
        _write(loaded, failed)
    return 1 if failed and (strict or session.strict) else 0


def _loaded(session: Session) -> list[dict[str, Any]]:
    return [
        {
            **_identity(info.owner),
            "hooks": list(info.hooks),
            "heads": list(info.heads),
            "backbones": list(info.backbones),
        }
        for info in session.registry.plugins
    ]


def _failures(ctx: click.Context, session: Session) -> list[dict[str, Any]]:
    group = ctx.find_root().command
    failures = [*session.registry.failures, *(group.add_plugin_commands(ctx) if isinstance(group, LazyGroup) else ())]
    return [{**_identity(f.owner), "stage": f.stage, "reason": f.reason} for f in failures]


def _identity(owner: Owner) -> dict[str, str]:
    return {"distribution": owner.distribution, "version": owner.version, "name": owner.name}


def _write(loaded: Sequence[dict[str, Any]], failed: Sequence[dict[str, Any]]) -> None:
    rows = [[*(printable(item[name]) or "-" for name in PLUGIN_COLUMNS[:3]), *_contents(item)] for item in loaded]
    failures = [[printable(item[name]) or "-" for name in FAILURE_COLUMNS] for item in failed]
    stream = stdout_stream(machine=False)
    stream.write(table_text(PLUGIN_COLUMNS, rows, {"distribution": "cyan"}))
    if failures:
        stream.write(styled("\nFailed", "bold red") if is_terminal(sys.stdout) else "\nfailed\n")
        stream.write(table_text(FAILURE_COLUMNS, failures, {"distribution": "cyan"}))


def _contents(item: dict[str, Any]) -> list[str]:
    hooks = ", ".join(name.removeprefix("dheads_") for name in item["hooks"])
    return [hooks or "-", str(len(item["heads"])), printable(", ".join(item["backbones"])) or "-"]
