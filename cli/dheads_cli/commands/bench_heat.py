"""`dheads bench heat`: whether maps show where a distortion is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dheads_cli.commands.bench_parts import SEED, command_line, goals_table
from dheads_cli.output.console import stdout_stream
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import needs_train_extra, session_of


@click.command()
@click.option("--images", required=True, metavar="DIR", help="Clean pictures, none of which was trained on.")
@click.option("--out", default="dheads-heat", show_default=True, metavar="DIR", help="Folder of the report.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Take N of the pictures, always the same ones.")
@SEED
@click.pass_context
def heat(ctx: click.Context, /, out: str, **given: Any) -> int:
    """Distort a part of clean pictures and measure whether the heat map shows it.

    Blur, noise, JPEG and smoke at severities 3 to 5, in a half, a rectangle or a plume: AUROC over pixels, overlap, and
    cost. Writes report.md and report.json to the folder --out, and prints the goals. Needs the extra "train".

    Exit status: 0 done (whether the goals are reached or not), 1 nothing can be measured, 2 wrong usage.
    """
    session = session_of(ctx)
    session.checked_registry()
    with needs_train_extra("dheads bench heat"), progress_bar(ticking=True) as bar:
        from distortion_heads.bench.heat.bench import HeatBenchOptions, bench_heat
        from distortion_heads.bench.shared.options import InstalledRegistry

        report = bench_heat(
            HeatBenchOptions(
                images=Path(given["images"]),
                out=Path(out),
                limit=given["limit"],
                seed=given["seed"],
                command=command_line(given, "heat"),
            ),
            make_registry=InstalledRegistry(no_plugins=session.no_plugins),
            progress=lambda done, total: bar.show(done, total, "pictures", f"{done} of {total}"),
        )
    shown = goals_table(report.goals, "bound", lambda goal: goal.bound)
    stdout_stream(machine=False).write(f"{shown}\nreport: {Path(out) / 'report.md'}\n")
    return 0
