"""`dheads bench foreign`, `dheads bench wild` and `dheads bench unfamiliar`: what was not made by us."""

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
    measured_on,
    measuring,
    print_report,
    report_setting,
)
from dheads_cli.output.console import plain_table
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import needs_train_extra, session_of
from distortion_heads._system.threads import usable_cores


@click.command()
@IMAGES
@click.option("--out", default="dheads-foreign", show_default=True, metavar="DIR", help="Folder of the report.")
@click.option("--heads", metavar="A,B", help="Measure these heads only (default: all).")
@LIMIT
@click.option("--pairs", type=click.IntRange(min=0), default=24, show_default=True, metavar="N",
              help="Versions with two distortions, per picture.")  # fmt: skip
@click.option("--sizes", default="384,768", show_default=True, metavar="N,N",
              help="Longer sides at which single distortions are measured too; empty for none.")  # fmt: skip
@SEED
@JOBS
@click.pass_context
def foreign(ctx: click.Context, /, out: str, jobs: int | None, sizes: str, **given: Any) -> int:
    """Distort clean pictures with other libraries and measure whether the family is found.

    Operators of imagecorruptions, OpenCV, scikit-image, kornia, torchvision, Pillow, FFmpeg and, where it is there,
    ImageMagick: single and in pairs, as they are and as JPEG, at several sizes. Needs the extra "bench". Writes
    report.md and report.json to the folder --out, and prints the figures and the goals. A run that was stopped goes on
    where it was if it is started again.

    Exit status: 0 done (whether the goals are reached or not), 1 a picture cannot be read, 2 wrong usage.
    """
    session = session_of(ctx)
    options = {name: given[name] for name in ("images", "heads", "limit", "pairs")}
    sides = _sides(sizes)
    with measuring(session, "foreign") as how:
        from distortion_heads.bench.foreign.bench import ForeignBenchOptions, bench_foreign
        from distortion_heads.bench.foreign.report import summary_rows
        from distortion_heads.bench.foreign.versions import ForeignPlan

        report = bench_foreign(
            ForeignBenchOptions(
                images=Path(given["images"]),
                out=Path(out),
                heads=labels_of(given["heads"]),
                limit=given["limit"],
                jobs=jobs or usable_cores(),
                plan=ForeignPlan(seed=given["seed"], pairs=given["pairs"], sizes=sides),
                command=command_line({**options, "sizes": sizes, "seed": given["seed"]}, "foreign"),
            ),
            **how,
        )
    status = report_setting(session, report.setting)
    goals = goals_table(report.goals, "bound", lambda goal: goal.bound)
    counted = measured_on(report.figures.pictures, versions=report.figures.versions)
    print_report(f"{plain_table(summary_rows(report))}\n{goals}{counted}", out)
    return status


@click.command()
@click.option("--wild", "folder", required=True, metavar="DIR", help="Real pictures and their manifest.csv.")
@click.option("--out", default="dheads-wild", show_default=True, metavar="DIR", help="Folder of the report.")
@click.option("--split", default="val", show_default=True, metavar="NAME", help="Take the pictures of this split.")
@click.option("--heads", metavar="A,B", help="Measure these heads only (default: all).")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Take the first N pictures.")
@click.option("--list", "listed", is_flag=True, help="Print each alarm on a picture that is not known to be faulty.")
@JOBS
@click.pass_context
def wild(ctx: click.Context, /, folder: str, out: str, jobs: int | None, listed: bool, **given: Any) -> int:
    """Judge real pictures: alarms on clean ones, and whether clear faults are found.

    manifest.csv has a line for each picture with the columns file, split, group and labels: clean, unreviewed, arguable
    or faults joined by "+". Writes report.md and report.json to the folder --out, and prints the goals.

    Exit status: 0 done (whether the goals are reached or not), 1 a picture cannot be read, 2 wrong usage.
    """
    session = session_of(ctx)
    options = {"wild": folder, **{name: given[name] for name in ("split", "heads", "limit")}}
    with measuring(session, "wild") as how:
        from distortion_heads.bench.wild.bench import WildBenchOptions, bench_wild

        report = bench_wild(
            WildBenchOptions(
                wild=Path(folder),
                out=Path(out),
                split=given["split"],
                heads=labels_of(given["heads"]),
                limit=given["limit"],
                jobs=jobs or usable_cores(),
                command=command_line(options, "wild"),
            ),
            **how,
        )
    status = report_setting(session, report.setting)
    shown = goals_table(report.goals, "bound", lambda goal: goal.bound) + measured_on(report.setting.pictures)
    if listed:
        alarms = [[a.picture, a.state, a.family, f"{a.probability:.3f}"] for a in report.figures.alarms]
        shown = f"{plain_table([['picture', 'eye', 'family', 'probability'], *alarms])}\n{shown}"
    print_report(shown, out)
    return status


@click.command()
@click.option("--images", required=True, metavar="DIR", help="Clean photographs, none of which was trained on.")
@click.option("--wild", "folder", required=True, metavar="DIR", help="Real pictures and their manifest.csv.")
@click.option("--out", default="dheads-unfamiliar", show_default=True, metavar="DIR", help="Folder of the report.")
@click.option("--made", type=click.IntRange(min=1), default=100, show_default=True, metavar="N",
              help="Drawings, as many scans, and as many fields of noise.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Take the first N photographs.")
@SEED
@click.pass_context
def unfamiliar(ctx: click.Context, /, out: str, folder: str, images: str, **given: Any) -> int:
    """Measure whether pictures unlike photographs are marked as unfamiliar, and photographs are not.

    Drawings, scans and fields of noise are made; operations, micrographs, screens and text are those of --wild. Writes
    report.md and report.json to the folder --out, and prints the goals.
    """
    specs = tuple(head.spec for head in session_of(ctx).checked_registry().heads.values())
    with needs_train_extra("dheads bench unfamiliar"), progress_bar(ticking=True) as bar:
        from distortion_heads.bench.unfamiliar.bench import UnfamiliarOptions, bench_unfamiliar

        report = bench_unfamiliar(
            UnfamiliarOptions(
                images=Path(images),
                wild=Path(folder),
                out=Path(out),
                limit=given["limit"],
                made=given["made"],
                seed=given["seed"],
                command=command_line({"images": images, "wild": folder, **given}, "unfamiliar"),
            ),
            specs,
            progress=lambda done, total: bar.show(done, total, "", f"{done} of {total}", "pictures"),
        )
    shown = goals_table(report.goals, "bound", lambda goal: goal.bound)
    print_report(shown, out)
    return 0


def _sides(sizes: str) -> tuple[int, ...]:
    """Return the numbers in "N,N". Raises `BadParameter`."""
    words = [word.strip() for word in sizes.split(",") if word.strip()]
    if not all(word.isdecimal() and 32 <= int(word) <= 4096 for word in words):
        raise click.BadParameter("needs whole numbers from 32 to 4096", param_hint="--sizes")
    return tuple(sorted(set(map(int, words))))
