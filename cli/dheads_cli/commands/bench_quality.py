"""`dheads bench quality`."""

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
from dheads_cli.output.console import plain_table
from dheads_cli.session import session_of
from distortion_heads._system.threads import usable_cores


@click.command()
@IMAGES
@click.option("--out", default="dheads-quality", show_default=True, metavar="DIR", help="Folder of the report.")
@click.option("--kinds", metavar="A,B", help="Make these distortions only (default: all).")
@click.option("--scorers", metavar="A,B", help="Heads of quality and metrics (default: all).")
@LIMIT
@click.option("--side", type=click.IntRange(min=192), default=384, show_default=True, metavar="N",
              help="Cut the middle of each picture, at most N pixels a side.")  # fmt: skip
@SEED
@JOBS
@click.pass_context
def quality(ctx: click.Context, /, out: str, jobs: int | None, **given: Any) -> int:
    """Test scores of quality without a rated picture: heads, full-reference metrics and the classical floor.

    D-test (clean or not), L-test (order of severities), P-test (order of pairs) and gMAD, in which one scorer looks for
    pictures that another one wrongly calls equal. Writes report.md, report.json and the pairs as a picture to the
    folder --out, and prints the table. A run that was stopped goes on where it was if it is started again.

    Exit status: 0 done (whether the goals are reached or not), 1 a picture cannot be read, 2 wrong usage.
    """
    session = session_of(ctx)
    options = {name: given[name] for name in ("images", "kinds", "scorers", "limit", "side", "seed")}
    with measuring(session, "quality") as how:
        from distortion_heads.bench.quality.bench import QualityBenchOptions, bench_quality
        from distortion_heads.bench.quality.measure import QualityPlan
        from distortion_heads.bench.quality.report import summary_rows

        plan = QualityPlan(
            kinds=labels_of(given["kinds"]),
            scorers=labels_of(given["scorers"]),
            side=given["side"],
            seed=given["seed"],
        )
        report = bench_quality(
            QualityBenchOptions(
                images=Path(given["images"]),
                out=Path(out),
                limit=given["limit"],
                jobs=jobs or usable_cores(),
                plan=plan,
                command=command_line(options, "quality"),
            ),
            **how,
        )
    status = report_setting(session, report.setting)
    shown = plain_table(summary_rows(report.figures))
    if report.goals:
        shown += f"\n{goals_table(report.goals, 'bound', lambda goal: goal.bound)}"
    print_report(shown, out)
    return status
