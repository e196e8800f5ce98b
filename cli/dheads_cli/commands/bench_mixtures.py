"""`dheads bench mixtures`: two of our own distortions at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dheads_cli.commands.bench_parts import (
    IMAGES,
    JOBS,
    LIMIT,
    SEED,
    command_line,
    goals_table,
    labels_of,
    measuring,
    print_report,
    report_setting,
)
from dheads_cli.session import session_of
from distortion_heads._system.threads import usable_cores


@click.command()
@IMAGES
@click.option("--out", default="dheads-mixtures", show_default=True, metavar="DIR", help="Folder of the report.")
@click.option("--heads", metavar="A,B", help="Measure these heads only, on mixtures of theirs (default: all).")
@LIMIT
@click.option("--versions", type=click.IntRange(min=1), default=10, show_default=True, metavar="N",
              help="Mixtures of each picture.")  # fmt: skip
@click.option("--faults", type=click.IntRange(1, 4), default=2, show_default=True, metavar="N",
              help="Families of each mixture.")  # fmt: skip
@SEED
@JOBS
@click.pass_context
def mixtures(ctx: click.Context, /, out: str, jobs: int | None, **given: Any) -> int:
    """Put several distortions on clean pictures and measure whether the families that can be seen are found.

    Kinds and makes of the attached heads, and what comes after them; a fault counts where it can be seen in the end.
    Writes report.md and report.json to the folder --out, and prints the goals. A run that was stopped goes on where it
    was if it is started again.

    Exit status: 0 done (whether the goals are reached or not), 1 a picture cannot be read, 2 wrong usage.
    """
    session = session_of(ctx)
    with measuring(session, "mixtures") as how:
        from distortion_heads.bench.mixtures.bench import MixturesBenchOptions, MixturesPlan, bench_mixtures

        report = bench_mixtures(
            MixturesBenchOptions(
                images=Path(given["images"]),
                out=Path(out),
                heads=labels_of(given["heads"]),
                limit=given["limit"],
                jobs=jobs or usable_cores(),
                plan=MixturesPlan(seed=given["seed"], versions=given["versions"], faults=given["faults"]),
                command=command_line(given, "mixtures"),
            ),
            **how,
        )
    status = report_setting(session, report.setting)
    shown = goals_table(report.goals, "bound", lambda goal: goal.bound)
    print_report(shown, out)
    return status
