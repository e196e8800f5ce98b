"""`dheads report`."""

from __future__ import annotations

import os
import shlex
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dheads_cli.open_predictor import make_predictor
from dheads_cli.options import MAX_PIXELS, PROFILE, split_labels
from dheads_cli.output.cards import limit_text
from dheads_cli.output.console import describe_bug, printable
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import session_of
from distortion_heads._system.extras import need_extra
from distortion_heads.errors import DheadsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distortion_heads.answers import Prediction
    from distortion_heads.heat.predictor import HeatPredictor
    from distortion_heads.io.inputs import Input, LeftOut
    from distortion_heads.io.video.options import VideoOptions
    from distortion_heads.reports.page import Setting
    from distortion_heads.reports.page_entries import PageEntry

SUFFIXES = (".html", ".htm")
PACKAGE = "distortion-heads"


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--out", required=True, metavar="FILE", help="The page to write: a name that ends in .html.")
@click.option("--title", default="Distortions found", show_default=True, metavar="TEXT", help="Heading of the page.")
@click.option("--heads", metavar="A,B", help="Evaluate these heads or families only (default: all).")
@click.option("--backbone", metavar="DIR", help="A folder that `dheads train` wrote, or a plugin's backbone by name.")
@click.option("--device", default="cpu", show_default=True, help="cpu, or a torch device such as cuda (extra `train`).")
@PROFILE
@MAX_PIXELS
@click.pass_context
def report(
    ctx: click.Context,
    /,
    paths: tuple[str, ...],
    out: str,
    title: str,
    heads: str | None,
    backbone: str | None,
    device: str,
    profile: str | None,
    max_pixels: int | None,
) -> int:
    """Write one HTML page about pictures and videos: sorted, filtered, with maps of where each distortion is.

    A PATH is what `dheads predict` takes. The page needs no network and no server. Its small pictures are inside, or
    in a folder beside it where they take more than 50 MB. Needs the extra "report".

    Exit status: 0 the page is written, 1 an input failed (the page names it) or the page cannot be written, 2 wrong
    usage.
    """
    need_extra("dheads report", "jinja2", extra="report")
    if not out.lower().endswith(SUFFIXES):
        raise click.UsageError(f"--out {out} is no page: give a name that ends in .html", ctx)
    from distortion_heads.heat.predictor import HeatPredictor
    from distortion_heads.io.inputs import expand_inputs
    from distortion_heads.reports.page import write_page
    from distortion_heads.reports.page_entries import error_entry

    left_out: list[LeftOut] = []
    inputs = list(expand_inputs(paths, videos=True, left_out=left_out))
    session, labels = session_of(ctx), split_labels(heads)
    predictor = make_predictor(session, labels, device, max_pixels, None, backbone, profile, heat=True)
    assert isinstance(predictor, HeatPredictor)
    entries = list(_entries(inputs, predictor, max_pixels))
    entries += [error_entry(item.path, f"cannot be read here: {item.content or 'its type'}") for item in left_out]
    setting = _setting(ctx, predictor, title)
    folder = write_page(Path(out), entries, setting)
    beside = "" if folder is None else f", its small pictures in {printable(str(folder))}"
    failed = sum(entry.state == "error" for entry in entries)
    lost = f", {failed} of them failed" if failed else ""
    click.echo(f"report: {printable(out)}{beside} ({len(entries)} input{'s' * (len(entries) != 1)}{lost})")
    return 1 if failed else 0


def _entries(inputs: list[Input], predictor: HeatPredictor, max_pixels: int | None) -> Iterator[PageEntry]:
    """Yield the entry of each input, in their order. One that fails, for whatever reason, leaves the others alone."""
    from distortion_heads.io.video.options import VideoOptions
    from distortion_heads.reports.page_entries import error_entry

    options = VideoOptions() if max_pixels is None else VideoOptions(max_pixels=max_pixels)
    pictures = [item.path for item in inputs if item.error is None and not item.is_video]
    with progress_bar(wanted=len(inputs) > 1) as bar, closing(predictor.predict_many(pictures)) as predictions:
        for done, item in enumerate(inputs):
            bar.show(done, len(inputs), f"file {done + 1} of {len(inputs)}")
            try:
                if item.error is not None:
                    yield error_entry(item.name, item.error)
                else:
                    yield _entry(item, predictor, predictions, options)
            except DheadsError as error:
                yield error_entry(item.name, str(error))
            except Exception as error:
                if os.environ.get("DHEADS_DEBUG") == "1":
                    raise
                yield error_entry(item.name, describe_bug(error))


def _entry(
    item: Input, predictor: HeatPredictor, predictions: Iterator[Prediction | Exception], options: VideoOptions
) -> PageEntry:
    from distortion_heads.reports.page_entries import picture_entry, video_entry
    from distortion_heads.video.predict import predict_video

    if item.is_video:
        return video_entry(predictor, predict_video(predictor, item.path, options), options)
    prediction = next(predictions)
    if isinstance(prediction, Exception):
        raise prediction
    return picture_entry(prediction)


def _setting(ctx: click.Context, predictor: HeatPredictor, title: str) -> Setting:
    """Return the facts for the foot of the page."""
    import platform
    import sys
    from datetime import UTC, datetime
    from importlib.metadata import version

    from distortion_heads.registry.profiles import OWN
    from distortion_heads.reports.page import Setting

    options = {name: value for name, value in ctx.params.items() if name != "paths" and value is not None}
    words = [f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in options.items()]
    heads = predictor.video_heads
    thresholds = ", ".join(f"{head.label} {limit_text(head.threshold.value)}" for head in heads)
    scales = [f"{head.label}: {head.scale.target}" for head in predictor.quality_heads if head.scale]
    own = sorted({head.threshold.objective for head in heads if head.threshold.objective.startswith(OWN)})
    facts = {
        "Command": " ".join(["dheads report", *map(shlex.quote, ctx.params["paths"][:8]), *words]),
        "Made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Version": f"{PACKAGE} {version(PACKAGE)}, Python {platform.python_version()}, {sys.platform}",
        "Backbone": str(predictor.backbone.ref),
        "Heads and thresholds": thresholds,
        **({"Thresholds of your own": "; ".join(own)} if own else {}),
        **({"Quality": "; ".join(scales)} if scales else {}),
    }
    families = tuple(dict.fromkeys(head.family for head in predictor.video_heads))
    qualities = tuple(head.label for head in predictor.quality_heads)
    return Setting(title=title, families=families, facts=facts, qualities=qualities)
