"""`dheads bench`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dheads_cli._console import plain_table, stdout_stream
from dheads_cli._progress import progress_bar
from dheads_cli._session import needs_train_extra, session_of

if TYPE_CHECKING:
    from distortion_heads.training.bench_report import Report

ANSWER = {None: "not measured", True: "yes", False: "NO"}


@click.group()
def bench() -> None:
    """Report accuracy, scalability and speed."""


@bench.command()
@click.option("--images", required=True, metavar="DIR", help="Clean pictures, none of which was trained on.")
@click.option("--out", default="dheads-accuracy", show_default=True, metavar="DIR", help="Folder of the report.")
@click.option("--heads", metavar="A,B", help="Measure these heads only, on their own distortions (default: all).")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Take N of the pictures, always the same ones.")
@click.option("--mixtures", type=click.IntRange(min=0), default=20, show_default=True, metavar="N",
              help="Mixtures of two, and as many of three, per picture.")  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another one distorts otherwise."
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Number of processes (default: one per core).")
@click.pass_context
def accuracy(
    ctx: click.Context,
    images: str,
    out: str,
    heads: str | None,
    limit: int | None,
    mixtures: int,
    seed: int,
    jobs: int | None,
) -> int:
    """Distort clean pictures in every known way and measure how well the heads find it.

    Writes report.md, report.json and plots to the folder --out, and prints the goals. A run that was stopped goes on
    where it was if it is started again.

    Exit status: 0 done (whether the goals are reached or not), 1 a picture cannot be read, 2 wrong usage.
    """
    session = session_of(ctx)
    session.checked_registry()  # says what is broken; each process makes its own
    options: dict[str, object] = {"images": images, "heads": heads, "limit": limit, "mixtures": mixtures, "seed": seed}
    with needs_train_extra("dheads bench accuracy"), progress_bar(ticking=True) as bar:
        from distortion_heads.training.bench_accuracy import BenchOptions, bench_accuracy
        from distortion_heads.training.bench_samples import Plan
        from distortion_heads.training.bench_workers import InstalledRegistry

        report = bench_accuracy(
            BenchOptions(
                images=Path(images),
                out=Path(out),
                heads=_labels(heads),
                limit=limit,
                jobs=jobs or os.cpu_count() or 1,
                plan=Plan(seed=seed, mixtures=mixtures),
                command=_command(options),
            ),
            make_registry=InstalledRegistry(no_plugins=session.no_plugins),
            progress=lambda done, total: bar.show(done, total, "pictures", f"{done} of {total}"),
        )
    session.tell([*report.setting.left_out])
    for problem in report.setting.unreadable:
        session.warn(problem)
    stdout_stream(machine=False).write(f"{_goals(report)}\nreport: {Path(out) / 'report.md'}\n")
    return 1 if report.setting.unreadable else 0


def _labels(heads: str | None) -> tuple[str, ...] | None:
    if heads is None:
        return None
    labels = tuple(label.strip() for label in heads.split(",") if label.strip())
    if not labels:
        raise click.BadParameter("names no head", param_hint="--heads")
    return labels


def _command(options: Mapping[str, object]) -> str:
    """The command line that gives the same figures."""
    given = [f"--{name} {shlex.quote(str(value))}" for name, value in options.items() if value is not None]
    return " ".join(("dheads bench accuracy", *given))


def _goals(report: Report) -> str:
    rows = [["goal", "at least", "measured", "reached"]]
    for goal in report.goals:
        measured = "-" if goal.measured is None else f"{goal.measured:.3f}"
        rows.append([goal.figure, f"{goal.at_least:.3f}", measured, ANSWER[goal.met]])
    return plain_table(rows)
