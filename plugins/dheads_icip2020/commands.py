"""`dheads submission2020` and `dheads score2020`."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from distortion_heads.errors import DheadsError, MissingExtraError

if TYPE_CHECKING:
    from dheads_icip2020.score import Score

PATH = click.Path(path_type=Path)
PROTOCOLS = ("disjoint", "shared-scenes")


@click.command(short_help="Write answers in the format of the ICIP 2020 challenge.")
@click.argument("videos", nargs=-1, required=True, metavar="VIDEO...")
@click.option("--out", required=True, metavar="FILE", help="The file of answers, predict.txt.")
@click.option(
    "--frames", type=click.IntRange(min=1), metavar="K", help="K frames of each, evenly spread (default: all)."
)
@click.option("--device", default="cpu", show_default=True, help="cpu, or a torch device such as cuda (extra `train`).")
def submission2020(videos: tuple[str, ...], out: str, frames: int | None, device: str) -> int:
    """Write the answers for videos in the format of the ICIP 2020 challenge.

    A VIDEO is a file, a folder (with all folders in it) or a pattern. There is a line for each, in natural order of
    their paths; that of a video that cannot be read is empty, and the exit status is then 1.
    """
    from dheads_icip2020.answers import LABELS
    from distortion_heads.io.inputs import expand_inputs
    from distortion_heads.io.video.options import Sampling, VideoOptions
    from distortion_heads.pipeline import Predictor
    from distortion_heads.video.predict import predict_video

    inputs = [item for path in videos for item in expand_inputs([path], videos=True)]
    for item in inputs:
        if item.error is not None or not item.is_video:
            said = item.error or "a picture"
            raise click.UsageError(f"a submission needs videos alone, all of them: {item.path}: {said}")
    check_folder(out)
    predictor = Predictor(LABELS, device=device)
    options = VideoOptions(sampling=Sampling(frames=frames))
    answers: dict[str, Collection[str]] = {}
    judged, failed, began = 0, False, time.perf_counter()
    for item in inputs:
        answers[item.path] = ()
        try:
            prediction = predict_video(predictor, item.path, options)
        except DheadsError as error:
            failed = True
            click.echo(f"dheads: error: {item.path}: {error}", err=True)
        else:
            answers[item.path] = [head.label for head in prediction.present]
            judged += prediction.frames
    click.echo(f"dheads: note: {write_answers(out, answers, judged, time.perf_counter() - began)}", err=True)
    return int(failed)


def check_folder(out: str) -> None:
    """Raise `click.UsageError` if `out` cannot be written, before videos are read, which may take hours."""
    if not os.access(Path(out).absolute().parent, os.W_OK):
        raise click.UsageError(f"{out} cannot be written: choose a folder that is there")


def write_answers(out: str, answers: Mapping[str, Collection[str]], frames: int, seconds: float) -> str:
    """Write the labels of each video by its path; return a line about it. Raises `DheadsError`."""
    from dheads_icip2020.answers import format_answers, natural_key
    from distortion_heads._system.atomic import write_atomic
    from distortion_heads._system.errors_text import reason

    paths = sorted(answers, key=natural_key)
    try:
        write_atomic(Path(out), format_answers(answers[path] for path in paths).encode())
    except OSError as error:
        raise DheadsError(f"cannot write to {out}: {reason(error)}") from None
    each = f", {seconds / frames:.4f} s a frame" if frames else ""
    return f"{out}: {len(paths)} videos in natural order of their paths{each}"


@click.command(short_help="Rank methods by the score of the ICIP 2020 challenge.")
@click.argument("results", nargs=-1, required=True, type=PATH)
@click.option("--protocol", type=click.Choice(PROTOCOLS), help="Which figures of result.json (default: disjoint).")
@click.option("--truth", type=PATH, metavar="PATH",
              help="RESULTS are submissions: the folder of labelled videos, or a file of answers.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(min=0.0), multiple=True, metavar="S",
              help="With --truth: seconds a frame of each submission, in their order.")  # fmt: skip
@click.pass_context
def score2020(
    ctx: click.Context, results: tuple[Path, ...], protocol: str | None, truth: Path | None, seconds: tuple[float, ...]
) -> None:
    """Rank RESULTS by the score of the ICIP 2020 challenge; lowest is best.

    RESULTS are several result.json of `dheads evaluate`, all methods in them; or, with --truth, submissions to the
    challenge as `dheads predict --submission` writes them.

    0.35 rank(F1) + 0.35 rank(accuracy) + 0.15 rank(F1 on single distortions) + 0.15 rank(time).
    """
    if seconds and truth is None:
        raise click.UsageError("--seconds goes with --truth", ctx)
    if protocol is not None and truth is not None:
        raise click.UsageError("--protocol is for result.json, --truth for submissions", ctx)
    try:
        from dheads_icip2020.score import read_entries, score_2020
        from dheads_icip2020.submissions import read_submissions, read_truth

        if truth is None:
            scores = score_2020(read_entries(results, protocol or PROTOCOLS[0]))
        else:
            scores = score_2020(read_submissions(results, read_truth(truth), seconds))
            if not seconds:
                click.echo("dheads: note: no times were given (--seconds): all share the first rank by time", err=True)
    except ModuleNotFoundError:
        raise MissingExtraError("dheads score2020") from None
    click.echo(_score_table(scores), nl=False)


def _score_table(scores: Sequence[Score]) -> str:
    from dheads_icip2020.score import WEIGHTS

    names = {"all_f1": "F1", "accuracy": "accuracy", "single_f1": "F1 single", "seconds": "seconds"}
    rows = [["score", "method", *(f"{names[figure]} (rank)" for figure in WEIGHTS)]]
    for score in scores:
        values = {figure: score.entry.values[figure] for figure in WEIGHTS}
        cells = [f"{'-' if isnan(value) else f'{value:.3f}'} ({score.ranks[name]})" for name, value in values.items()]
        rows.append([f"{score.score:.2f}", score.entry.name, *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join("  ".join(map(str.ljust, row, widths)).rstrip() + "\n" for row in rows)
