"""`dheads synth`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import click

from dheads_cli.commands.synth_choice import kadis_specs, level_set_of, metrics_of, specs_of, was_given
from dheads_cli.options import ray_address
from dheads_cli.output.console import complain, plain_table, stdout_stream
from dheads_cli.output.progress import Bar, progress_bar
from dheads_cli.session import session_of
from distortion_heads._system.threads import usable_cores
from distortion_heads.errors import DheadsError, InputError

if TYPE_CHECKING:
    from distortion_heads.batch.pool import RayWorkers
    from distortion_heads.io.video.encode import Codec
    from distortion_heads.spec import HeadSpec
    from distortion_heads.synthesis.level_sets import LevelSetName
    from distortion_heads.synthesis.run import Run
    from distortion_heads.synthesis.sources import Sources

Parsed = TypeVar("Parsed")
WORKER_ENVIRONMENT = {
    # The processes share the cores; threads within them would only wait for each other.
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    # Memory of freed pictures stays with the process (glibc): to get it back from the system takes a tenth of the time.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}
"""Variables to set before NumPy is imported and processes are started."""

VIDEO_OPTIONS = {"intervals": "--interval", "codec": "--codec", "bit_rate": "--bit-rate", "crf": "--crf"}


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="IN... OUT")
@click.option(
    "--distortions",
    default="all",
    show_default=True,
    metavar="A,B",
    help="Labels or families as in `dheads list`, or all.",
)
@click.option(
    "--severities", default="1,2,3,4,5", show_default=True, metavar="LIST", help="Levels, or a range such as 1-5."
)
@click.option(
    "--mix", default="1", show_default=True, metavar="K", help="Distortions in one picture: 1 to 3, or a range as 1-3."
)
@click.option("-n", "--per-image", type=click.IntRange(min=1), metavar="N", help="Make N random draws of each picture.")
@click.option(
    "--kadis",
    is_flag=True,
    help="One distortion for each picture, at every level: by default of the 25 of KADID-10k, with nine --scores.",
)
@click.option(
    "--levels",
    type=click.Choice(["dbcnn", "authentic"]),
    help="Distortions and levels that Lai et al. learn from, with six --scores: 39 of each picture, or -n mixtures.",
)
@click.option("--scores", metavar="A,B", help="Metrics that compare each picture with its original, for the manifest.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same bytes.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Processes (default: one per core).")
@click.option("--on", metavar="ray", help="Work on a Ray cluster: ray://HOST:PORT, or ray for one started here.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["png", "webp"]),
    default="png",
    show_default=True,
    help="Both lossless; png is faster, webp smaller.",
)
@click.option(
    "--compress",
    type=click.IntRange(0, 9),
    default=0,
    show_default=True,
    help="0 is fastest, 9 smallest; png at 0 is not compressed at all.",
)
@click.option("--keep-codec", is_flag=True, help="Where compression comes last, keep the .jpg or .jp2 file itself.")
@click.option(
    "--interval",
    "intervals",
    multiple=True,
    metavar="A-B",
    help="Video: distort only from A to B, as in 2s-5s or 0:58-1:02. May be repeated.",
)
@click.option(
    "--codec",
    type=click.Choice(["ffv1", "h264", "hevc", "mpeg4"]),
    default="ffv1",
    show_default=True,
    help="Video: of the copy; ffv1 is lossless.",
)
@click.option("--bit-rate", metavar="RATE", help="Video: of h264, hevc or mpeg4, as in 800k or 1.5M.")
@click.option("--crf", type=float, metavar="Q", help="Video: constant quality of h264 (18) or hevc (20) instead.")
@click.option("--max-pixels", type=click.IntRange(min=1), metavar="N", help="Refuse pictures of more pixels than this.")
@click.option("--sheet", type=click.Path(path_type=Path), metavar="FILE", help="Draw a contact sheet of IN instead.")
@click.pass_context
def synth(
    ctx: click.Context,
    paths: tuple[str, ...],
    distortions: str,
    severities: str,
    mix: str,
    per_image: int | None,
    kadis: bool,
    levels: LevelSetName | None,
    scores: str | None,
    seed: int,
    jobs: int | None,
    on: str | None,
    format_: Literal["png", "webp"],
    compress: int,
    keep_codec: bool,
    intervals: tuple[str, ...],
    codec: Codec,
    bit_rate: str | None,
    crf: float | None,
    max_pixels: int | None,
    sheet: Path | None,
) -> int:
    """Distort clean pictures and videos: every distortion at every severity, or -n random draws, alone or mixed.

    IN is a picture, a video, a folder (with all folders in it) or a pattern; OUT is a folder. It gets the distorted
    copies and manifest.csv, which says what was done to each. A run that was stopped goes on when it is started again.

    A video is distorted in the same way from frame to frame, only noise differs. It keeps its times, not its sound.

    \b
    Examples:
      dheads synth photos/ distorted/
      dheads synth photos/ distorted/ --distortions jpeg,lens_blur --severities 1-5 -n 10
      dheads synth photos/ distorted/ --mix 1-3 -n 5 --keep-codec
      dheads synth --kadis photos/ kadis/
      dheads synth --levels dbcnn photos/ dbcnn/
      dheads synth clip.mp4 distorted/ --distortions smoke --interval 2s-5s --codec h264 --bit-rate 1M
      dheads synth --sheet bank.png photo.jpg

    Exit status: 0 all is well, 1 something failed (the rest is done), 2 wrong usage.
    """
    for name, value in WORKER_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    registry = session_of(ctx).checked_registry()
    of_set = None if levels is None else _usage(lambda: level_set_of(ctx, registry, levels, distortions))
    if of_set is not None:
        specs = of_set.specs
    else:
        specs = kadis_specs(registry) if kadis and distortions == "all" else specs_of(registry, distortions)
    if sheet is not None:
        if len(paths) != 1:
            raise click.UsageError("--sheet takes one picture and no OUT", ctx)
        _draw_sheet(paths[0], specs, sheet, seed, max_pixels)
        return 0
    if len(paths) < 2:
        raise click.UsageError("give the pictures and the output folder: IN... OUT", ctx)

    from distortion_heads.io.video.encode import Coding, parse_bit_rate
    from distortion_heads.synthesis.clips import ClipTarget, parse_interval
    from distortion_heads.synthesis.plan import SynthPlan, parse_mixture, parse_severities
    from distortion_heads.synthesis.run import Run
    from distortion_heads.synthesis.sources import Sources
    from distortion_heads.synthesis.work import Target

    drawn = _usage(lambda: parse_severities(severities))
    mixture = of_set.mixture if of_set is not None and not was_given(ctx, "mix") else _usage(lambda: parse_mixture(mix))
    plan = _usage(
        lambda: SynthPlan(
            specs=specs,
            severities=drawn,
            seed=seed,
            per_image=per_image,
            mixture=mixture,
            one_kind=kadis,
            levels={} if of_set is None else of_set.levels,
        )
    )
    rate = None if bit_rate is None else _usage(lambda: parse_bit_rate(bit_rate))
    clips = ClipTarget(
        intervals=_usage(lambda: tuple(map(parse_interval, intervals))),
        coding=_usage(lambda: Coding(codec=codec, crf=crf, bit_rate=rate)),
    )
    metrics = _usage(lambda: metrics_of(scores, kadis, levels))
    out = Path(paths[-1])
    sources = _usage(lambda: Sources(paths[:-1], out))
    _check_video_options(ctx, sources)
    return _run(
        Run(
            sources=sources,
            plan=plan,
            target=Target(
                folder=out, format=format_, compress=compress, keep_codec=keep_codec, scores=metrics, clips=clips
            ),
            jobs=jobs or usable_cores(),
            max_pixels=max_pixels,
            **({} if on is None else {"start": _on_ray(ctx, on)}),
        )
    )


def _on_ray(ctx: click.Context, on: str) -> RayWorkers:
    address = ray_address(ctx, on)
    from distortion_heads.batch.pool import RayWorkers

    return RayWorkers(address)


def _check_video_options(ctx: click.Context, sources: Sources) -> None:
    """Options of videos do nothing to pictures: wrong usage if there are pictures alone, else worth a note."""
    given = [option for name, option in VIDEO_OPTIONS.items() if was_given(ctx, name)]
    if not given:
        return
    kinds, named = sources.kinds(), ", ".join(given)
    if kinds == {"picture"}:
        raise click.UsageError(f"{named}: for videos only, but IN leads to pictures alone: do without", ctx)
    if "picture" in kinds:
        complain(f"note: {named}: for videos only, the pictures are made without")


def _announce(run: Run) -> None:
    """Say before the work how many files it makes and about how large they are."""
    from distortion_heads.synthesis.sizes import estimate

    made = estimate(run)
    size = f", about {max(made.megabytes, 1):,.0f} MB" if made.megabytes else ""
    more = "" if made.is_whole else f" (sizes from the first {made.looked_at} inputs)"
    files = "1 file" if made.files == 1 else f"{made.files} files"
    inputs = "1 input" if made.inputs == 1 else f"{made.inputs} inputs"
    complain(f"{files} to make from {inputs}{size}{more}")


def _run(run: Run) -> int:
    _announce(run)
    files: Counter[str] = Counter()
    with progress_bar(ticking=True) as bar:
        made, kept, failed = _follow(run, bar, files)
    stream = stdout_stream(machine=False)
    if len(files) > 1:
        counts = sorted(files.items(), key=lambda item: (-item[1], item[0]))
        stream.write(f"{plain_table([['distortion', 'files'], *([name, str(n)] for name, n in counts)])}\n")
    parts = [f"{made} made"] + [f"{kept} there already"] * (kept > 0)
    stream.write(f"{run.target.folder}: {', '.join(parts)}\n")
    return 1 if failed else 0


def _follow(run: Run, bar: Bar, files: Counter[str]) -> tuple[int, int, bool]:
    """Do the work and count the `files` of each kind; return how many were made and were there, and if any failed."""
    done = made = kept = 0
    failed = False
    total = run.total()
    bar.show(done, total, "distorting", f"{done}/{total}", "files")
    with closing(run.outcomes()) as outcomes:
        for outcome in outcomes:
            done += outcome.planned
            made += outcome.made
            kept += len(outcome.rows) - outcome.made
            files.update(_kind(row.labels) for row in outcome.rows)
            failed = failed or len(outcome.rows) < outcome.planned or bool(outcome.problems)
            if outcome.problems:
                with bar.hidden():
                    for problem in outcome.problems:
                        complain(problem)
            bar.show(done, total, "distorting", f"{done}/{total}", "files")
    return made, kept, failed


def _kind(labels: str) -> str:
    count = labels.count("+") + 1
    return labels if count == 1 else f"mixtures of {count}"


def _usage(action: Callable[[], Parsed]) -> Parsed:
    """Return what `action` returns; its error is wrong usage."""
    try:
        return action()
    except DheadsError as error:
        raise click.UsageError(str(error), click.get_current_context()) from None


def _draw_sheet(path: str, specs: Sequence[HeadSpec], sheet: Path, seed: int, max_pixels: int | None) -> None:
    from distortion_heads.io.images import DEFAULT_MAX_PIXELS, load_image
    from distortion_heads.synthesis.sheet import check_sheet_path, contact_sheet, save_sheet

    _usage(lambda: check_sheet_path(sheet))
    try:
        pixels = load_image(path, max_pixels=max_pixels or DEFAULT_MAX_PIXELS)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    save_sheet(contact_sheet(pixels, specs, seed=seed), sheet)
