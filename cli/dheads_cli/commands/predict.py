"""`dheads predict`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from dheads_cli.commands.predict_batch import batch_options, batch_request
from dheads_cli.commands.predict_pages import page_sources, paged, parse_pages
from dheads_cli.commands.predict_videos import VideoRequest, Videos, video_options
from dheads_cli.open_predictor import make_predictor
from dheads_cli.options import MAX_PIXELS, PROFILE, split_labels
from dheads_cli.output.choose_sink import chosen_sink, spare_pictures
from dheads_cli.output.console import complain, describe_bug, printable
from dheads_cli.output.extra_sinks import beside
from dheads_cli.output.heat_sink import heat_folder, with_heat
from dheads_cli.output.left_out import complain_of_left_out, report_left_out
from dheads_cli.output.progress import Bar, progress_bar
from dheads_cli.output.resume import appended_sink, left_to_do
from dheads_cli.output.sinks import Names, Sink
from dheads_cli.output.sorted_sink import WorstFirst, check_qualities
from dheads_cli.output.submission import Submission, check_submission
from dheads_cli.session import session_of
from distortion_heads.errors import DheadsError

if TYPE_CHECKING:
    from distortion_heads.answers import Prediction
    from distortion_heads.heads.head import HeadFile
    from distortion_heads.io.inputs import Input, LeftOut
    from distortion_heads.pipeline import Predictor
    from distortion_heads.reports.conditions import Condition

FAST_WINDOWS = 16
EXIT_UNJUDGED = 3


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object per picture or video.")
@click.option("--csv", "csv_file", metavar="FILE", help="Write CSV, a row per picture or frame; - is stdout.")
@click.option(
    "--csv-long", metavar="FILE", help="Write also a CSV file with a row per input and family, kind or quality."
)
@click.option("--parquet", metavar="FILE", help="Write the rows of --csv-long as Parquet too (extra `parquet`).")
@click.option("--resume", metavar="FILE", help="Add to JSON lines, or to FILE.csv, what an earlier run left undone.")
@click.option("--heat", metavar="DIR", help="Draw into this folder where each distortion is; adds areas to --json.")
@click.option("--heads", metavar="A,B", help="Evaluate these heads or families only (default: all).")
@click.option("--all", "show_all", is_flag=True, help="Show the probability of every family and kind in the table.")
@click.option(
    "--fail-if",
    "conditions",
    multiple=True,
    metavar="COND",
    help="Exit with 1 if this holds for a picture, as in 'blur>0.6' or 'quality<2.5'. May be repeated.",
)
@click.option(
    "--sort", type=click.Choice(["quality"]), help="Write the answers once all are known, those of the worst first."
)
@click.option("--backbone", metavar="DIR", help="A folder that `dheads train` wrote, or a plugin's backbone by name.")
@click.option("--device", default="cpu", show_default=True, help="cpu, or a torch device such as cuda (extra `train`).")
@MAX_PIXELS
@PROFILE
@click.option("--fast", is_flag=True, help="Read at most 16 windows of a picture, spread over it; the result says so.")
@click.option(
    "--fast-windows", type=click.IntRange(min=1), metavar="K", help="Like --fast, but at most K windows instead of 16."
)
@click.option(
    "--pages",
    metavar="first|all|K",
    callback=parse_pages,
    default="first",
    show_default=True,
    help="Pages, or frames of an animated picture: first, all (FILE#2 in the answer), or the number of one.",
)
@video_options
@batch_options
@click.pass_context
def predict(
    ctx: click.Context,
    /,
    paths: tuple[str, ...],
    as_json: bool,
    csv_file: str | None,
    csv_long: str | None,
    parquet: str | None,
    resume: str | None,
    heat: str | None,
    heads: str | None,
    show_all: bool,
    conditions: tuple[str, ...],
    sort: str | None,
    backbone: str | None,
    device: str,
    max_pixels: int | None,
    profile: str | None,
    fast: bool,
    fast_windows: int | None,
    pages: int | str,
    **video: Any,
) -> int:
    """Say which distortions pictures and videos have and how strong they are.

    A PATH is a picture, a video, a folder (with all folders in it), a pattern such as 'shots/**/*.jpg', numbered
    pictures that are one video (frame_%04d.png), or - for a list of paths from standard input. With --video, - is a
    pipe of encoded video.

    Exit status: 0 all is well, 1 a picture failed or a --fail-if condition holds, 2 wrong usage, 3 with --fail-if: no
    condition holds, but something could not be read.
    """
    most_windows = FAST_WINDOWS if fast and fast_windows is None else fast_windows
    _check_together(ctx, as_json=as_json, heat_of_all=heat is None or most_windows is None)
    parsed = parse_conditions(conditions)
    if batch := batch_request(ctx, video):
        predictor = make_predictor(session_of(ctx), split_labels(heads), "cpu", max_pixels, 1, backbone, profile)
        choices = {"device": device, "most_windows": most_windows, "max_pixels": max_pixels}
        return batch.run(session_of(ctx), predictor, paths, backbone, choices)
    request = VideoRequest(arguments=video, max_pixels=max_pixels, fast_windows=fast_windows)
    left_out: list[LeftOut] = []
    inputs = paged(list(request.inputs(paths, left_out)), pages, request.all_videos, max_pixels)
    for option, file in (("--csv-long", csv_long), ("--parquet", parquet), ("--resume", resume)):
        spare_pictures(file, inputs, option)
    request.check(ctx, inputs)
    wanted = [request.wants(item) for item in inputs]
    has_video = any(wanted)
    options = request.options(ctx) if has_video else None
    threads = 1 if all(wanted) else None
    maps = heat_folder(heat)
    predictor = make_predictor(
        session_of(ctx), split_labels(heads), device, max_pixels, threads, backbone, profile, heat=heat is not None
    )
    videos_read = [wants for item, wants in zip(inputs, wanted, strict=True) if item.error is None]
    heads_in_use = _heads_in_use(predictor, videos_read)
    check_conditions(parsed, heads_in_use, predictor.quality_heads)
    names = Names.of((*heads_in_use, *predictor.quality_heads))
    check_qualities(ctx, names.qualities, sort)
    if most_windows is not None and not as_json:
        complain(f"note: --fast reads at most {most_windows} windows of a picture")
    if resume is not None:
        inputs, wanted = left_to_do(resume, inputs, wanted, names, predictor)
    submission = video["submission"]
    if submission is not None:
        check_submission(ctx, submission, inputs, wanted, names.labels)
    noun = "inputs" if has_video else "pictures"
    is_folder = any(map(os.path.isdir, paths))
    with (
        chosen_sink(as_json, csv_file, show_all, names, inputs, has_video)
        if resume is None
        else appended_sink(resume, names) as answers,
        beside(answers, csv_long, parquet, summary=is_folder, noun=noun) as told,
    ):
        chosen = with_heat(told, maps, predictor, options)
        chosen = chosen if sort is None else WorstFirst(chosen)
        sink = chosen if submission is None else Submission(submission, chosen)
        videos = None if options is None else Videos(request, options, predictor, sink, show_all)
        pictures = page_sources([item for item in inputs if item.error is None and not request.wants(item)], max_pixels)
        with (
            progress_bar(wanted=has_video or len(inputs) > 1) as bar,
            nullcontext() if videos is None else videos.frame_file(),
            closing(predictor.predict_many(pictures, most_windows=most_windows)) as predictions,
        ):
            run = _Run(predictions, sink, bar, parsed, videos)
            for done, item in enumerate(inputs):
                name = f"file {done + 1} of {len(inputs)}: {printable(os.path.basename(item.path))[-40:]}"  # noqa: PTH119
                bar.show(done, len(inputs), name, unit=noun)
                run.one(item, name)
        run.failed |= report_left_out(left_out, sink)
        sink.close()
    complain_of_left_out(left_out)
    return run.status


def _check_together(ctx: click.Context, *, as_json: bool, heat_of_all: bool) -> None:
    """Refuse options that contradict each other. Raises `UsageError`."""
    given = ctx.params
    if as_json and given["csv_file"] is not None:
        raise click.UsageError("--json and --csv cannot go together", ctx)
    if given["resume"] is not None and (as_json or given["csv_file"] is not None):
        raise click.UsageError("--resume FILE says where answers go: leave out --json and --csv", ctx)
    if given["csv_long"] == "-":
        raise click.UsageError("--csv-long wants a file: stdout has the answers that it goes beside", ctx)
    if not heat_of_all:
        raise click.UsageError("--heat reads all of a picture: leave out --fast", ctx)


class _Run:
    """Goes through the inputs; `predictions` are those of the pictures."""

    def __init__(
        self,
        predictions: Iterator[Prediction | Exception],
        sink: Sink,
        bar: Bar,
        conditions: Sequence[Condition],
        videos: Videos | None,
    ) -> None:
        self._predictions, self._sink, self._bar, self._conditions = predictions, sink, bar, conditions
        self._videos = videos
        self.failed = self._held = False

    @property
    def status(self) -> int:
        """The exit status: with conditions, what could not be judged is not taken for what they hold for."""
        if self._held or (self.failed and not self._conditions):
            return 1
        return EXIT_UNJUDGED if self.failed else 0

    def one(self, item: Input, place: str) -> None:
        """Predict one input and report it. An input that fails, for whatever reason, leaves the others alone."""
        if item.error is not None:
            self._fail(item.name, item.error)
            return
        try:
            if self._videos is not None and self._videos.request.wants(item):
                self._video(self._videos, item.path, place)
                return
            prediction = next(self._predictions)
            if isinstance(prediction, Exception):
                raise prediction
        except DheadsError as error:
            self._fail(item.name, str(error))
        except Exception as error:
            if os.environ.get("DHEADS_DEBUG") == "1":
                raise
            self._fail(item.name, describe_bug(error))
        else:
            with self._bar.hidden():
                self._sink.prediction(prediction)
                self._check(prediction)

    def _video(self, videos: Videos, path: str, place: str) -> None:
        prediction = videos.predict(path, self._bar, place)
        self.failed |= prediction.error is not None
        with self._bar.hidden():
            self._check(replace(prediction.summary, path=path))

    def _fail(self, path: str, reason: str) -> None:
        self.failed = True
        with self._bar.hidden():
            self._sink.error(path, reason)

    def _check(self, prediction: Prediction) -> None:
        for condition in self._conditions:
            if found := condition.matches(prediction):
                self._held = True
                text = f"{condition.name}{condition.op}{condition.value:g}"
                values = ", ".join(f"{label} {value:.2f}" for label, value in found)
                complain(f"{prediction.path}: --fail-if '{text}' holds: {values}")


def parse_conditions(texts: Sequence[str], option: str = "--fail-if") -> list[Condition]:
    """Return the conditions that `option` gives. Raises `click.UsageError`."""
    from distortion_heads.reports.conditions import parse_condition

    try:
        return [parse_condition(text) for text in texts]
    except DheadsError as error:
        raise click.UsageError(f"{option}: {error}") from None


def _heads_in_use(predictor: Predictor, videos: Sequence[bool]) -> tuple[HeadFile, ...]:
    """Return the heads that will answer: those that need successive frames only if some inputs are videos."""
    if not predictor.heads and not predictor.quality_heads and not all(videos):
        chosen = ", ".join(head.label for head in predictor.video_heads)
        raise click.UsageError(f"pictures cannot be judged by what reads successive frames ({chosen}): see --heads")
    return predictor.video_heads if any(videos) else predictor.heads


def check_conditions(
    conditions: Sequence[Condition],
    heads: Sequence[HeadFile],
    qualities: Sequence[HeadFile],
    option: str = "--fail-if",
) -> None:
    """Raise `click.UsageError` for a condition on a name that no head or family has."""
    names = {name for head in heads for name in (head.label, head.family)}
    try:
        for condition in conditions:
            condition.check(names, [head.label for head in qualities])
    except DheadsError as error:
        raise click.UsageError(f"{option}: {error}") from None
