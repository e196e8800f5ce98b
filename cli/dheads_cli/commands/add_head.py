"""`dheads add-head`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dheads_cli.options import MAX_PIXELS
from dheads_cli.output.cards import Card, figure, kibibytes, share, write_card
from dheads_cli.output.console import complain
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import needs_train_extra, session_of
from distortion_heads.spec import VIEWS

if TYPE_CHECKING:
    from distortion_heads.training.heads.add_head import AddedHead

FOLDER = click.Path(path_type=Path)


@click.command("add-head")
@click.argument("label")
@click.option(
    "--data",
    type=FOLDER,
    help="A folder with LABEL/ and clean/ in it, of pictures and videos, or a CSV of path,label[,group][,start,end].",
)
@click.option("--clean", type=FOLDER, help="A folder of clean pictures, which are distorted here.")
@click.option(
    "--synthesizer", metavar="NAME", help="With --clean: the head that makes the distortion (default: LABEL)."
)
@click.option("--view", type=click.Choice(VIEWS), help="What the head reads (default: as its plugin says, or native).")
@click.option("--title", help="Its name for people.")
@click.option("--family", help="blur, noise, compression, color ... (default: as its plugin says, or other).")
@click.option("--license", metavar="TEXT", help="The licence of the head file.")
@click.option(
    "--frames",
    type=click.IntRange(1, 1000),
    metavar="K",
    help="With --data: frames of each video, or of each part of one that has a row in the CSV (default: 10).",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Same seed, same head.")
@MAX_PIXELS
@click.option("--force", is_flag=True, help="Replace a head of your own with that label.")
@click.option("--out", type=FOLDER, help="Write the head to this file instead of attaching it.")
@click.pass_context
def add_head(ctx: click.Context, /, label: str, **options: Any) -> None:
    """Train a head for the distortion LABEL on the frozen backbone, and attach it.

    No other head changes. Give either --data or --clean; 20 pictures with and 20 without the distortion are the least,
    or frames of 4 videos with and 4 without. A part of them, of other scenes, is held out: it calibrates the head,
    chooses its threshold, and gives the figures. All frames of a video are on one side.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if ("data" in given) == ("clean" in given):
        raise click.UsageError("give either --data PATH or --clean DIR", ctx)
    if "synthesizer" in given and "clean" not in given:
        raise click.UsageError("--synthesizer goes with --clean DIR", ctx)
    if "frames" in given and "data" not in given:
        raise click.UsageError("--frames goes with --data PATH", ctx)
    session = session_of(ctx)
    registry = session.checked_registry()
    with needs_train_extra("add-head"):
        from distortion_heads.training.heads.add_head import AddHeadRequest, train_and_attach

        request = AddHeadRequest(label=label, **given)
        with progress_bar(ticking=True) as bar:
            added = train_and_attach(
                request, session.store, registry, progress=lambda stage, done, total: bar.show(done, total, stage)
            )
    for note in added.notes:
        complain(f"note: {note}")
    if added.warning is not None:
        session.warn(added.warning)
    done = "trained" if request.out else "trained and attached"
    write_card(f"{label}: {done} in {added.seconds:.1f} s", _card(added))


def _card(added: AddedHead) -> Card:
    metrics, threshold = added.head.metrics, added.head.threshold
    return {
        "": {"file": f"{added.path} ({kibibytes(added.path.stat().st_size)})", "trained on": str(added.fit)},
        f"Measured on {added.hold}, held out": {
            "AUROC": figure(metrics.auroc),
            "AP": figure(metrics.ap),
            "F1": figure(metrics.f1),
            "ECE": figure(metrics.ece),
            "false alarms on clean": share(metrics.fpr_clean),
            "threshold": f"{threshold.value:.4f} ({threshold.objective})",
        },
    }
