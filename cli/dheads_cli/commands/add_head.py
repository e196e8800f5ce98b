"""`dheads add-head`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dheads_cli.commands.add_quality import add_quality_head, is_rated
from dheads_cli.options import MAX_PIXELS
from dheads_cli.output.cards import Card, figure, kibibytes, share, write_card
from dheads_cli.output.console import complain, stdout_stream
from dheads_cli.output.left_out import complain_of_unread
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import needs_train_extra, session_of
from distortion_heads.spec import VIEWS

if TYPE_CHECKING:
    from distortion_heads.metrics.intervals import Alarms, Interval
    from distortion_heads.training.heads.add_head import AddedHead

FOLDER = click.Path(path_type=Path)


@click.command("add-head")
@click.argument("label")
@click.option(
    "--data",
    type=FOLDER,
    help="A folder with LABEL/ and clean/ in it, of pictures and videos, or a CSV of path,label[,group][,start,end]; a "
    "CSV of path,mos[,group] for a head of quality.",
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
@click.option(
    "--equalize/--no-equalize",
    default=None,
    help="With --data: bring all pictures to one codec, quality, colour and size (default: where one of these tells "
    "the classes apart).",
)
@click.option(
    "--strict", is_flag=True, help="With --data: refuse where a property of the files tells the classes apart."
)
@click.option(
    "--rivals/--no-rivals",
    default=True,
    show_default=True,
    help="Other distortions of the clean pictures join the negatives.",
)
@click.option(
    "--scale",
    metavar="WORST,BEST",
    help="With a CSV of path,mos: the ends of the ratings, as in 0,100 (default: 1,5).",
)
@click.option("--backbone", metavar="DIR", help="A folder that `dheads train` wrote, or a plugin's backbone by name.")
@click.option("--force", is_flag=True, help="Replace a head of your own with that label.")
@click.option("--out", type=FOLDER, help="Write the head to this file instead of attaching it.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.pass_context
def add_head(ctx: click.Context, /, label: str, as_json: bool, **options: Any) -> int:
    """Train a head for the distortion LABEL on the frozen backbone, and attach it.

    No other head changes. Give either --data or --clean; 20 pictures with and 20 without the distortion are the least,
    or frames of 4 videos with and 4 without. Calibration, threshold and figures come from answers of heads that did not
    see the scene: of five heads, each without a fifth of the scenes, below 400 pictures; else a part is held out. All
    frames of a video are on one side.

    With ratings, a CSV of path,mos[,group], the head says how good a picture is, on their scale.

    Exit status: 0 all is well, 1 nothing was trained, or files could not be read and the head was trained without
    them, 2 wrong usage.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if ("data" in given) == ("clean" in given):
        raise click.UsageError("give either --data PATH or --clean DIR", ctx)
    if "synthesizer" in given and "clean" not in given:
        raise click.UsageError("--synthesizer goes with --clean DIR", ctx)
    if "frames" in given and "data" not in given:
        raise click.UsageError("--frames goes with --data PATH", ctx)
    if "data" not in given and (options["equalize"] is not None or options["strict"]):
        raise click.UsageError("--equalize and --strict go with --data PATH", ctx)
    if "data" in given and is_rated(given["data"]):
        add_quality_head(ctx, label, given, as_json)
        return 0
    if "scale" in given:
        raise click.UsageError("--scale goes with --data FILE, a CSV of path,mos", ctx)
    session = session_of(ctx)
    registry = session.checked_registry()
    with needs_train_extra("add-head"):
        from distortion_heads.training.heads.add_head import AddHeadRequest, train_and_attach

        request = AddHeadRequest(label=label, **given)
        with progress_bar(ticking=True) as bar:
            added = train_and_attach(
                request, session.store, registry, progress=lambda stage, done, total: bar.show(done, total, stage)
            )
    status = complain_of_unread(added.unread, added.files)
    for note in added.notes:
        complain(f"note: {note}")
    if added.warning is not None:
        session.warn(added.warning)
    if as_json:
        stdout_stream(machine=True).write(_json(label, added))
        return status
    done = "trained" if request.out else "trained and attached"
    write_card(f"{label}: {done} in {added.seconds:.1f} s", _card(added))
    return status


def _card(added: AddedHead) -> Card:
    metrics, threshold, spread = added.head.metrics, added.head.threshold, added.spread
    rivals = f", and {added.rivals} of them with other distortions" if added.rivals else ""
    how = f"each by a head that did not see its scene ({added.folds} folds)" if added.folds else "held out"
    alarms = {"false alarms on clean": _alarms(spread.clean, "kept out" if added.folds else "held out")}
    if spread.others.total:
        alarms["on other distortions"] = _alarms(spread.others, "made of these")
    return {
        "": {
            "file": f"{added.path} ({kibibytes(added.path.stat().st_size)})",
            "trained on": f"{added.fit}{rivals}",
        },
        f"Measured on {added.hold}, {how}": {
            "AUROC": f"{figure(metrics.auroc)}{_between(spread.auroc)}",
            "AP": f"{figure(metrics.ap)}{_between(spread.ap)}",
            "F1": f"{figure(metrics.f1)}{_between(spread.f1)}",
            "ECE": figure(metrics.ece),
            **alarms,
            "threshold": f"{threshold.value:.4f} ({threshold.objective})",
        },
    }


def _between(interval: Interval | None) -> str:
    return "" if interval is None else f"  (95 %: {interval[0]:.3f} to {interval[1]:.3f})"


def _alarms(alarms: Alarms, which: str) -> str:
    if alarms.interval is None:
        return share(None)
    low, high = (100 * bound for bound in alarms.interval)
    return f"{share(alarms.share)}  ({alarms.fired} of {alarms.total} {which}; 95 %: {low:.1f} to {high:.1f} %)"


def _json(label: str, added: AddedHead) -> str:
    import json
    from dataclasses import asdict

    spread = added.spread
    alarms = {"clean": spread.clean, "other_distortions": spread.others}
    found = {
        "label": label,
        "path": str(added.path),
        "seconds": round(added.seconds, 3),
        "trained_on": {**asdict(added.fit), "rivals": added.rivals},
        "folds": added.folds,
        "metrics": asdict(added.head.metrics),
        "intervals": {"auroc": spread.auroc, "ap": spread.ap, "f1": spread.f1},
        "false_alarms": {name: {**asdict(each), "interval": each.interval} for name, each in alarms.items()},
        "threshold": asdict(added.head.threshold),
        "left_out": [{"path": str(item.path), "reason": item.reason} for item in added.unread],
        "notes": added.notes,
        "warning": added.warning,
    }
    return f"{json.dumps(found, ensure_ascii=True)}\n"
