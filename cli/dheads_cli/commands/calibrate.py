"""`dheads calibrate`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dheads_cli.backbones import chosen_backbone
from dheads_cli.options import MAX_PIXELS, split_labels
from dheads_cli.output.cards import limit_text, share
from dheads_cli.output.console import complain, stdout_stream, table_text
from dheads_cli.output.progress import Bar, progress_bar
from dheads_cli.session import session_of
from distortion_heads.errors import DheadsError, ProfileError

if TYPE_CHECKING:
    from distortion_heads.answers import Prediction
    from distortion_heads.evaluation.own_thresholds import Calibrated, Change
    from distortion_heads.pipeline import Predictor
    from distortion_heads.registry.profiles import Promise

_SHARE = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)\s*(%?)")


def parse_share(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """Return `1%` or `0.01` as a number above 0 and below 1. Raises `click.BadParameter`."""
    match = _SHARE.fullmatch(value.strip())
    number = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < number < 1:
        raise click.BadParameter(f"{value!r} is no share like 1% or 0.01", ctx, param)
    return number


@click.command()
@click.option("--clean", required=True, multiple=True, metavar="PATH", help="Clean pictures, or a folder of them.")
@click.option("--faults", type=click.Path(path_type=Path), metavar="CSV",
              help="Faulty pictures: path,label; labels joined by +.")  # fmt: skip
@click.option("--false-alarms", default="1%", show_default=True, metavar="SHARE", callback=parse_share,
              help="Share of clean pictures that may have an alarm.")  # fmt: skip
@click.option("--confidence", default="90%", show_default=True, metavar="SHARE", callback=parse_share,
              help="How surely the share holds for new pictures.")  # fmt: skip
@click.option("--each", is_flag=True, help="Let the share hold for each head, not for an alarm of any family.")
@click.option("--profile", "name", default="default", show_default=True, metavar="NAME", help="Name of the profile.")
@click.option("--heads", metavar="A,B", help="These heads or families only (default: all).")
@click.option("--backbone", metavar="DIR", help="A folder that `dheads train` wrote, or a plugin's backbone by name.")
@MAX_PIXELS
@click.option("--force", is_flag=True, help="Replace a profile of that name.")
@click.pass_context
def calibrate(
    ctx: click.Context,
    /,
    clean: tuple[str, ...],
    faults: Path | None,
    false_alarms: float,
    confidence: float,
    each: bool,
    name: str,
    heads: str | None,
    backbone: str | None,
    max_pixels: int | None,
    force: bool,
) -> int:
    """Make thresholds for your own kind of pictures, from clean ones.

    The share of false alarms that you allow holds for new pictures like these, with the confidence that you ask for:
    give pictures as they will come, one of each scene, and none that a head was trained on. With --faults, each head
    that has some gets the threshold of the best F1 that keeps the promise. Use the profile with --profile NAME, or by
    a file dheads.toml with the line profile = "NAME". Heads' files never change.

    Exit status: 0 done, 1 nothing was written, 2 wrong usage.
    """
    from distortion_heads.evaluation.own_thresholds import Wanted, check_enough, make_profile, read_faults
    from distortion_heads.io.images import DEFAULT_MAX_PIXELS
    from distortion_heads.pipeline import Predictor
    from distortion_heads.registry.attached import problem_lines
    from distortion_heads.registry.profiles import Profiles

    session = session_of(ctx)
    spec, registry = chosen_backbone(session, backbone)
    profiles = Profiles(session.store.home)
    if not force and profiles.path(name).exists():
        raise ProfileError(f"{profiles.path(name)} exists: replace it with --force, or give --profile another name")
    limit = DEFAULT_MAX_PIXELS if max_pixels is None else max_pixels
    predictor = Predictor(split_labels(heads), registry=registry, backbone=spec, max_pixels=limit)
    session.report(problem_lines(predictor.problems, backbone))
    if not predictor.heads:
        raise ProfileError("no head that judges pictures can be used: see `dheads list`")
    promise: Promise = "each" if each else "any"
    data = ", ".join(Path(path).resolve().name for path in clean)
    wanted = Wanted(name=name, rate=false_alarms, confidence=confidence, promise=promise, data=data)
    names = frozenset(known for head in predictor.heads for known in (head.label, head.family))
    given = () if faults is None else read_faults(faults, names)
    paths = _paths(clean)
    check_enough(len(paths), wanted)
    with progress_bar() as bar:
        answers = _judged(predictor, paths, bar, "clean pictures")
        found = _judged(predictor, [str(fault.path) for fault in given], bar, "faulty pictures")
    judged = [answer for answer in answers if answer is not None]
    faulty = [(fault, answer) for fault, answer in zip(given, found, strict=True) if answer is not None]
    made = make_profile(predictor, registry, judged, faulty, wanted)
    path = profiles.save(made.profile, overwrite=force)
    stdout_stream(machine=False).write(f"{_table(made)}{_said(made)}wrote {path}\n")
    return 0


def _paths(clean: Sequence[str]) -> list[str]:
    """Return the pictures that the arguments lead to, each once. Raises `DheadsError`."""
    from distortion_heads.io.inputs import expand_inputs

    items = list(expand_inputs(clean))
    for item in items:
        if item.error is not None:
            raise DheadsError(f"{item.path}: {item.error}")
    return list(dict.fromkeys(item.path for item in items))


def _judged(predictor: Predictor, paths: Sequence[str], bar: Bar, stage: str) -> list[Prediction | None]:
    """Return the answers in their order; None for a picture that cannot be judged, after a line on stderr."""
    answers: list[Prediction | None] = []
    with closing(predictor.predict_many(paths)) as predictions:
        for path, answer in zip(paths, islice(predictions, len(paths)), strict=True):
            bar.show(len(answers), len(paths), stage, unit="pictures")
            if isinstance(answer, DheadsError):
                why: str | None = str(answer)
            elif isinstance(answer, Exception):
                raise answer
            else:
                why = answer.reason
            if why is not None:
                with bar.hidden():
                    complain(f"{path} is left out: {why}")
            answers.append(None if why is not None or isinstance(answer, Exception) else answer)
    return answers


def _table(made: Calibrated) -> str:
    """Return the heads that decide for a family, and those that faults were given for."""
    shown = [change for change in made.changes if change.decides or change.own.faults]
    with_faults = any(change.own.faults for change in shown)
    header = ["head", "threshold", "was", "false alarms", "were"]
    header += ["faults", "recall", "was "] if with_faults else []
    rows = [_row(change, made.profile.clean, with_faults) for change in shown]
    return table_text(header, rows, {"head": "cyan", "was": "dim", "were": "dim", "was ": "dim"})


def _row(change: Change, clean: int, with_faults: bool) -> list[str]:
    own = change.own
    cells = [own.label, limit_text(own.value), f"{change.threshold_before:.3f}"]
    cells += [f"{own.alarms} of {clean}", str(change.alarms_before)]
    if with_faults:
        cells += [str(own.faults), share(own.recall), share(change.recall_before)] if own.faults else ["", "", ""]
    return cells


def _said(made: Calibrated) -> str:
    profile = made.profile
    kinds = len(made.changes) - sum(change.decides for change in made.changes)
    lines = [
        f"{profile.any_alarms} of {profile.clean} clean pictures have an alarm of any family, {made.any_before} had",
        f"promise for new pictures like these: {profile.said}",
    ]
    if kinds and profile.promise == "any":
        lines.append(f"each of the {kinds} heads of kinds keeps to the same share by itself")
    return "".join(f"{line}\n" for line in ("", *lines))
