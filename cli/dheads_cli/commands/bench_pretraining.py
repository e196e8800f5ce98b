"""`dheads bench pretraining`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dheads_cli.commands.bench_parts import SEED, command_line, print_report
from dheads_cli.output.console import plain_table
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import needs_train_extra, session_of

COUNT = click.IntRange(min=1)


@click.command()
@click.option("--images", required=True, metavar="DIR", help="Clean pictures to learn from.")
@click.option("--held", required=True, metavar="DIR", help="Clean pictures of other scenes, to be rated.")
@click.option("--out", default="dheads-pretraining", show_default=True, metavar="DIR", help="Folder of the report.")
@click.option(
    "--work", metavar="DIR", help="Folder for what is done, so that a stopped run goes on (default: OUT/work)."
)
@click.option("--parts", metavar="A,B", help="Of: targets, schemes (default: both).")
@click.option("--limit", type=COUNT, metavar="N", help="Take N pictures to learn from, half as many others.")
@click.option("--epochs", type=COUNT, default=10, show_default=True, help="Of whole networks.")
@click.option("--regression-epochs", type=COUNT, default=30, show_default=True, help="Of the regression on features.")
@click.option("--repetitions", type=COUNT, default=3, show_default=True, help="Draws of the rated scenes.")
@SEED
@click.pass_context
def pretraining(ctx: click.Context, /, images: str, held: str, out: str, work: str | None, **given: Any) -> int:
    """Compare targets and schemes of learning for a score of quality, without a rated picture.

    Which is closest to people's means of KADID-10k: metrics, the mean of six (Lai et al.), of nine (DeepFL-IQA), and
    heads that learnt them? And what is gained if a network first learns what metrics say? Writes report.md and
    report.json to the folder --out. Pictures are made and networks trained once for each --work.
    """
    registry = session_of(ctx).checked_registry()
    with needs_train_extra("dheads bench pretraining"), progress_bar(ticking=True) as bar:
        from distortion_heads.bench.pretraining.bench import PARTS, PretrainingOptions, bench_pretraining
        from distortion_heads.bench.pretraining.report import scheme_rows, target_rows
        from distortion_heads.bench.pretraining.schemes import SchemePlan

        parts = given["parts"]
        report = bench_pretraining(
            PretrainingOptions(
                images=Path(images),
                held=Path(held),
                out=Path(out),
                work=Path(work or Path(out) / "work"),
                limit=given["limit"],
                parts=PARTS if parts is None else tuple(part.strip() for part in parts.split(",")),
                plan=SchemePlan(
                    **{name: given[name] for name in ("epochs", "regression_epochs", "repetitions", "seed")}
                ),
                command=command_line({"images": images, "held": held, **given}, "pretraining"),
            ),
            registry,
            lambda stage, done, total: bar.show(done, total, stage, f"{done} of {total}" if total > 1 else ""),
        )
    tables = [rows(report) for rows in (target_rows, scheme_rows)]
    print_report("\n".join(plain_table(table) for table in tables if len(table) > 1), out)
    return 0
