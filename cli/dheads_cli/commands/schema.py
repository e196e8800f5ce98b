"""`dheads schema`."""

from __future__ import annotations

import json

import click

from dheads_cli.output.console import stdout_stream


@click.command()
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON Schema of something that dheads writes, or list them.

    NAME is the command that writes it (predict, also for videos; list, show, plugins, search, compare, audit, explain,
    add-head, bench, sort), or what was written: frames, head, bundle, profile, synth, manifest, evaluation ...
    """
    from distortion_heads.reports.json_schemas import read_schema, schema_names

    out = stdout_stream(machine=True)
    if name is not None:
        out.write(read_schema(name))
        return
    for known in schema_names():
        out.write(f"{known:12}{json.loads(read_schema(known))['title']}\n")
