"""`dheads bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dheads_cli.commands.bench_heat import heat
from dheads_cli.commands.bench_mixtures import mixtures
from dheads_cli.commands.bench_outside import foreign, unfamiliar, wild
from dheads_cli.commands.bench_parts import (
    IMAGES,
    JOBS,
    LIMIT,
    SEED,
    command_line,
    goals_table,
    labels_of,
    measured_on,
    measuring,
    print_report,
    report_setting,
)
from dheads_cli.commands.bench_pretraining import pretraining
from dheads_cli.commands.bench_quality import quality
from dheads_cli.output.console import plain_table
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import needs_train_extra, session_of
from distortion_heads._system.threads import usable_cores
from distortion_heads.backbones.architecture import WIDTHS

_BUNDLED_WIDTHS = ",".join(map(str, WIDTHS))


@click.group()
def bench() -> None:
    """Report accuracy, scalability and speed."""


@bench.command()
@IMAGES
@click.option("--out", default="dheads-accuracy", show_default=True, metavar="DIR", help="Folder of the report.")
@click.option("--heads", metavar="A,B", help="Measure these heads only, on their own distortions (default: all).")
@LIMIT
@click.option("--mixtures", type=click.IntRange(min=0), default=20, show_default=True, metavar="N",
              help="Mixtures of two, and as many of three, per picture.")  # fmt: skip
@SEED
@JOBS
@click.pass_context
def accuracy(ctx: click.Context, /, out: str, jobs: int | None, **given: Any) -> int:
    """Distort clean pictures in every known way and measure how well the heads find it.

    Writes report.md, report.json and plots to the folder --out, and prints the goals. A run that was stopped goes on
    where it was if it is started again.

    Exit status: 0 done (whether the goals are reached or not), 1 a picture cannot be read, 2 wrong usage.
    """
    session = session_of(ctx)
    options = {name: given[name] for name in ("images", "heads", "limit", "mixtures", "seed")}
    with measuring(session, "accuracy") as how:
        from distortion_heads.bench.accuracy.bench import BenchOptions, bench_accuracy
        from distortion_heads.bench.accuracy.samples import AccuracyPlan

        report = bench_accuracy(
            BenchOptions(
                images=Path(given["images"]),
                out=Path(out),
                heads=labels_of(given["heads"]),
                limit=given["limit"],
                jobs=jobs or usable_cores(),
                plan=AccuracyPlan(seed=given["seed"], mixtures=given["mixtures"]),
                command=command_line(options, "accuracy"),
            ),
            **how,
        )
    status = report_setting(session, report.setting)
    shown = goals_table(report.goals, "at least", lambda goal: f"{goal.limit:.3f}")
    shown += measured_on(report.figures.pictures, versions=report.figures.versions)
    print_report(shown, out)
    return status


@bench.command()
@click.option("--clips", required=True, metavar="DIR", help="Clean videos, none of which was trained on.")
@click.option("--out", default="dheads-video", show_default=True, metavar="DIR", help="Folder of the report.")
@click.option("--heads", metavar="A,B", help="Measure these heads, on their distortions (default: fourteen).")
@click.option("--codecs", metavar="A:RATE,B:RATE", help="Besides lossless (default: h264:4M,h264:1M,h264:400k,hevc:1M,"
              "mpeg4:1M).")  # fmt: skip
@click.option("--parts", type=click.IntRange(min=1), default=2, show_default=True, metavar="N", help="Of every clip.")
@click.option("--seconds", type=float, default=4.0, show_default=True, metavar="S", help="Of each part.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Take N of all parts, always the same ones.")
@SEED
@JOBS
@click.pass_context
def video(ctx: click.Context, /, out: str, jobs: int | None, **given: Any) -> int:
    """Distort clips over known intervals, code them, and measure when the heads find it.

    Errors of onsets and offsets in frames, and F1 per head, without a codec and per codec and bit rate. Writes
    report.md, report.json and plots to the folder --out. A run that was stopped goes on if it is started again.

    Exit status: 0 done, 1 part of a clip cannot be read, 2 wrong usage.
    """
    session = session_of(ctx)
    options = {name: given[name] for name in ("clips", "heads", "codecs", "parts", "seconds", "limit", "seed")}
    with measuring(session, "video", "clips") as how:
        from distortion_heads.bench.video.bench import VideoBenchOptions, bench_video
        from distortion_heads.bench.video.cases import CODINGS, CasePlan, parse_codings
        from distortion_heads.bench.video.report import summary_rows

        codings = CODINGS if given["codecs"] is None else parse_codings(given["codecs"])
        parts = {name: given[name] for name in ("parts", "seconds", "seed")}
        report = bench_video(
            VideoBenchOptions(
                clips=Path(given["clips"]),
                out=Path(out),
                heads=labels_of(given["heads"]),
                limit=given["limit"],
                jobs=jobs or usable_cores(),
                plan=CasePlan(codings=codings, **parts),
                command=command_line(options, "video"),
            ),
            **how,
        )
    for problem in report.setting.left_out:
        session.warn(problem)
    rows = [list(row) for row in summary_rows(report.codings)]
    counted = measured_on(sum(report.setting.clips.values()), "parts of clips")
    print_report(plain_table(rows) + counted, out)
    return 1 if report.setting.left_out else 0


@bench.command()
@click.option("--images", required=True, metavar="DIR", help="Clean pictures; part of them is held out.")
@click.option("--out", default="dheads-scalability", show_default=True, metavar="DIR", help="Folder of the report.")
@click.option(
    "--work", metavar="DIR", help="Folder for what is done, so that a stopped run goes on (default: OUT/work)."
)
@click.option("--parts", metavar="A,B", help="Of: incremental, forgetting, cost, new-head (default: all).")
@click.option("--bank", metavar="A,B", help="Distortions of the joint training (default: ten).")
@click.option("--late", metavar="A,B", help="Those of the bank that are added late, one at a time (default: six).")
@click.option(
    "--sizes", metavar="N,N", help="Pictures with the distortion for a late head (default: 20,50,100,500,2000)."
)
@click.option("--steps", type=click.IntRange(min=1), default=256, show_default=True, help="Of each training.")
@click.option("--batch", type=click.IntRange(min=4), default=40, show_default=True, help="Native samples of a step.")
@click.option("--widths", metavar="A,B,C,D,E", default="8,16,32,64,96", show_default=True,
              help=f"Channels of the levels of the trained networks (bundled: {_BUNDLED_WIDTHS}).")  # fmt: skip
@click.option("--test-pictures", type=click.IntRange(min=20), default=200, show_default=True, metavar="N",
              help="Held-out pictures with the distortion, and as many without.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that distort.")
@click.pass_context
def scalability(ctx: click.Context, /, images: str, out: str, work: str | None, workers: int, **given: object) -> int:
    """Measure what it costs to add heads: in accuracy, in time and in memory.

    Late heads against joint ones, outputs before and after an attachment, cost against the number of heads, time to a
    head. Writes report.md, report.json and plots to the folder --out, and prints the goals. With the defaults the
    small networks of the first part take half an hour on two idle cores; each part is measured once per --work.
    """
    registry = session_of(ctx).checked_registry()
    with needs_train_extra("dheads bench scalability"), progress_bar(ticking=True) as bar:
        from distortion_heads.bench.scalability.bench import bench_scalability
        from distortion_heads.bench.scalability.options import ScalabilityOptions

        settings = {name: _parsed(name, value) for name, value in given.items() if value is not None}
        report = bench_scalability(
            ScalabilityOptions(
                images=Path(images),
                out=Path(out),
                work=Path(work or Path(out) / "work"),
                workers=workers,
                command=command_line({"images": images, **given}, "scalability"),
                **settings,  # type: ignore[arg-type]
            ),
            registry,
            lambda stage, done, total: bar.show(done, total, stage, f"{done:g} of {total:g}"),
        )
    shown = goals_table(report.goals, "bound", lambda goal: goal.bound)
    print_report(shown, out)
    return 0


def _parsed(name: str, value: object) -> object:
    """Lists are given as A,B. Raises `BadParameter`."""
    if not isinstance(value, str):
        return value
    words = tuple(word.strip() for word in value.split(",") if word.strip())
    if name not in ("sizes", "widths"):
        if not words:
            raise click.BadParameter("names nothing", param_hint=f"--{name}")
        return words
    least, count = (20, None) if name == "sizes" else (1, 5)
    if not all(word.isdecimal() and int(word) >= least for word in words) or len(words) != (count or len(words) or 1):
        raise click.BadParameter(f"needs {count or 'some'} numbers of at least {least}", param_hint=f"--{name}")
    return tuple(sorted(set(map(int, words)))) if name == "sizes" else tuple(map(int, words))


bench.add_command(foreign)
bench.add_command(heat)
bench.add_command(pretraining)
bench.add_command(quality)
bench.add_command(wild)
bench.add_command(unfamiliar)
bench.add_command(mixtures)
