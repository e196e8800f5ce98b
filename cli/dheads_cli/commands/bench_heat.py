"""`dheads bench heat`: whether maps show where a distortion is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dheads_cli.commands.bench_parts import IMAGES, LIMIT, SEED, command_line, goals_table, measuring, print_report
from dheads_cli.session import session_of


@click.command()
@IMAGES
@click.option("--out", default="dheads-heat", show_default=True, metavar="DIR", help="Folder of the report.")
@LIMIT
@SEED
@click.pass_context
def heat(ctx: click.Context, /, out: str, **given: Any) -> int:
    """Distort a part of clean pictures and measure whether the heat map shows it.

    Blur, noise, JPEG and smoke at severities 3 to 5, in a half, a rectangle or a plume: AUROC over pixels, overlap, and
    cost. Writes report.md and report.json to the folder --out, and prints the goals. Needs the extra "train".

    Exit status: 0 done (whether the goals are reached or not), 1 nothing can be measured, 2 wrong usage.
    """
    session = session_of(ctx)
    with measuring(session, "heat") as how:
        from distortion_heads.bench.heat.bench import HeatBenchOptions, bench_heat

        report = bench_heat(
            HeatBenchOptions(
                images=Path(given["images"]),
                out=Path(out),
                limit=given["limit"],
                seed=given["seed"],
                command=command_line(given, "heat"),
            ),
            **how,
        )
    shown = goals_table(report.goals, "bound", lambda goal: goal.bound)
    print_report(shown, out)
    return 0
