"""`dheads list`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dheads_cli.output.console import (
    is_terminal,
    plain_table,
    printable,
    rendered,
    rich_console,
    rich_table,
    stdout_stream,
)
from dheads_cli.output.head_facts import HeadFacts, bundled_ref, read_facts
from dheads_cli.session import session_of
from distortion_heads.reports.pictures import to_json_line

if TYPE_CHECKING:
    from rich.console import RenderableType


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object per head.")
@click.pass_context
def list_heads(ctx: click.Context, as_json: bool) -> None:
    """List the attached heads: what they detect, how well, and who brought them.

    AUROC is what was measured on held-out pictures when the head was trained.
    """
    session = session_of(ctx)
    backbone = bundled_ref()
    facts = [read_facts(head, backbone) for head in session.checked_registry().heads.values()]
    session.report([f"head {fact.label!r} is left out: {fact.problem}" for fact in facts if fact.problem])
    if as_json:
        stream = stdout_stream(machine=True)
        for fact in facts:
            stream.write(f"{to_json_line(fact.summary())}\n")
        return
    _write_list([fact for fact in facts if fact.file], [fact for fact in facts if not fact.file and not fact.problem])


def _write_list(usable: Sequence[HeadFacts], untrained: Sequence[HeadFacts]) -> None:
    header = ["label", "title", "family", "view", "severity", "AUROC", "owner"]
    rows = [_row(fact) for fact in usable]
    stream = stdout_stream(machine=False)
    labels = ", ".join(fact.label for fact in untrained)
    if not is_terminal(sys.stdout):
        stream.write(plain_table([header, *rows]) if rows else "no head has weights\n")
        if untrained:
            stream.write(f"\nwithout weights yet: {labels}\n")
        return
    stream.write(_rich_list(header, rows, labels))


def _row(fact: HeadFacts) -> list[str]:
    file = fact.file
    assert file is not None
    severity = "yes" if "severity" in file.outputs else "no"
    auroc = "-" if file.metrics.auroc is None else f"{file.metrics.auroc:.3f}"
    return [
        fact.label,
        printable(fact.title),
        fact.family,
        file.view,
        severity,
        auroc,
        printable(fact.owner.distribution),
    ]


def _rich_list(header: Sequence[str], rows: Sequence[Sequence[str]], untrained: str) -> str:
    from rich.text import Text

    console = rich_console()
    table = rich_table(header, rows, {"label": "cyan", "owner": "dim", "view": "dim"})
    if console.measure(table, options=console.options.update(width=1000)).maximum > console.width:
        narrow = [[*row[:1], *row[2:]] for row in (header, *rows)]
        table = rich_table(narrow[0], narrow[1:], {"label": "cyan", "owner": "dim", "view": "dim"})
    parts: list[RenderableType] = [table if rows else Text("No head has weights.")]
    if untrained:
        heading = "\nWithout weights yet; train with `dheads add-head LABEL --clean DIR`:"
        parts += [Text(heading, "bold"), Text(untrained, "dim")]
    return rendered(console, *parts)
