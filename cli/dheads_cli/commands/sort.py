"""`dheads sort`."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dheads_cli.commands.predict import check_conditions, parse_conditions
from dheads_cli.open_predictor import make_predictor
from dheads_cli.options import MAX_PIXELS, PROFILE, split_labels
from dheads_cli.output.console import complain, printable, stdout_stream
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import session_of
from distortion_heads.errors import DheadsError

if TYPE_CHECKING:
    from distortion_heads.answers import Prediction
    from distortion_heads.io.place_files import Action, Placing
    from distortion_heads.pipeline import Predictor
    from distortion_heads.reports.conditions import Condition

CLEAN, UNJUDGED = "clean", "not-judged"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A picture that is put elsewhere: where it is, where it goes below the folder, and why."""

    path: Path
    place: Path
    why: str


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--into", type=click.Path(path_type=Path), metavar="DIR", help="The folder that they go to.")
@click.option("--if", "conditions", multiple=True, metavar="COND",
              help="Those for which this holds, as in 'blur>0.6'. May be repeated: any of them.")  # fmt: skip
@click.option("--by-family", is_flag=True, help="All, into folders named after what they have most of, or clean.")
@click.option("--copy", "action", flag_value="copy", help="Copy them.")
@click.option("--link", "action", flag_value="link", help="Make symbolic links to them.")
@click.option("--move", "action", flag_value="move", help="Move them.")
@click.option("--yes", is_flag=True, help="Do it; without this only say what would be done.")
@click.option("--undo", type=click.Path(path_type=Path), metavar="FILE", help="Undo what FILE says was done.")
@click.option("--heads", metavar="A,B", help="Evaluate these heads or families only (default: all).")
@PROFILE
@MAX_PIXELS
@click.pass_context
def sort(
    ctx: click.Context,
    /,
    paths: tuple[str, ...],
    into: Path | None,
    conditions: tuple[str, ...],
    by_family: bool,
    action: Action | None,
    yes: bool,
    undo: Path | None,
    heads: str | None,
    profile: str | None,
    max_pixels: int | None,
) -> int:
    """Put pictures with distortions elsewhere: copy, link or move those for which a condition holds.

    Says what it would do, and does it with --yes. Folders keep their order below DIR; nothing is ever overwritten: a
    name that is taken gets a number. A file in DIR says what was done: --undo FILE takes it back.

    Exit status: 0 done, 1 a picture could not be read or be taken back, 2 wrong usage.
    """
    if undo is not None:
        if paths or into or conditions or by_family or action:
            raise click.UsageError("--undo FILE stands alone", ctx)
        return _undo(undo)
    if not paths or into is None or action is None:
        raise click.UsageError("give PATH..., --into DIR, and one of --copy, --link and --move", ctx)
    if bool(conditions) == by_family:
        raise click.UsageError("give --if COND, or --by-family", ctx)
    parsed = parse_conditions(conditions, "--if")
    predictor = make_predictor(session_of(ctx), split_labels(heads), "cpu", max_pixels, None, None, profile)
    check_conditions(parsed, predictor.heads, predictor.quality_heads, "--if")
    inputs = [item for path in paths for item in _inputs(path, into)]
    chosen, judged, failed = _chosen(predictor, inputs, None if by_family else parsed)
    _carry_out(chosen, judged, into, action, yes)
    return int(failed)


def _inputs(argument: str, into: Path) -> list[tuple[str, str | None]]:
    """Return the pictures of one argument, or why there is none; what lies in `into` is sorted already."""
    from distortion_heads.io.inputs import expand_inputs

    inside = os.path.join(os.path.realpath(into), "")  # noqa: PTH118
    found = [(item.path, item.error) for item in expand_inputs([argument])]
    return [(path, error) for path, error in found if not os.path.realpath(path).startswith(inside)]


def _chosen(
    predictor: Predictor, inputs: Sequence[tuple[str, str | None]], conditions: Sequence[Condition] | None
) -> tuple[list[Chosen], int, bool]:
    """Return the pictures that go elsewhere, how many were judged, and whether some could not be."""
    for path, error in inputs:
        if error is not None:
            complain(f"error: {path}: {error}")
    failed = any(error is not None for _, error in inputs)
    paths = list(dict.fromkeys(path for path, error in inputs if error is None))
    top = _common_folder(paths)
    chosen: list[Chosen] = []
    judged = 0
    with progress_bar(wanted=len(paths) > 1) as bar, closing(predictor.predict_many(paths)) as answers:
        for count, (path, answer) in enumerate(zip(paths, answers, strict=False)):
            bar.show(count, len(paths), unit="pictures")
            if isinstance(answer, DheadsError):
                failed = True
                with bar.hidden():
                    complain(f"error: {path}: {answer}")
                continue
            if isinstance(answer, Exception):
                raise answer
            judged += 1
            folder, why = _by_family(answer) if conditions is None else _by_conditions(answer, conditions)
            if folder is not None:
                place = Path(folder, os.path.relpath(path, top))
                chosen.append(Chosen(path=Path(path), place=place, why=why))
    return chosen, judged, failed


def _common_folder(paths: Sequence[str]) -> str:
    folders = [os.path.dirname(os.path.abspath(path)) for path in paths]  # noqa: PTH120, PTH100
    try:
        return os.path.commonpath(folders) if folders else os.curdir
    except ValueError:  # on different drives
        raise DheadsError("the pictures lie on different drives: sort those of one at a time") from None


def _by_conditions(answer: Prediction, conditions: Sequence[Condition]) -> tuple[str | None, str]:
    found = [pair for condition in conditions for pair in condition.matches(answer)[:1]]
    return ("" if found else None), ", ".join(f"{label} {value:.2f}" for label, value in found)


def _by_family(answer: Prediction) -> tuple[str, str]:
    if not answer.judged:
        return UNJUDGED, UNJUDGED
    if not answer.present_families:
        return CLEAN, CLEAN
    family = answer.present_families[0]
    return family.family, f"{family.family} {family.probability:.2f}"


def _carry_out(chosen: Sequence[Chosen], judged: int, into: Path, action: Action, yes: bool) -> None:
    from distortion_heads.io.place_files import carry_out, plan

    stream = stdout_stream(machine=False)
    placings = plan([(item.path, item.place) for item in chosen], into, moved=action == "move")
    for item, placing in zip(chosen, placings, strict=True):
        stream.write(f"{printable(str(item.path))} -> {printable(_shown(placing, into))}  {item.why}\n")
    share = f" ({len(chosen) / judged:.1%})" if judged else ""
    counts = Counter(item.place.parts[0] if len(item.place.parts) > 1 else "" for item in chosen)
    _summary(f"{len(chosen)} of {judged} pictures{share}", counts if all(counts) else Counter())
    if not yes:
        complain(f"nothing was done: --yes would {action} them")
        return
    if not placings:
        return
    undo = into / f"dheads-sort-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}.jsonl"
    with progress_bar(wanted=len(placings) > 1) as bar:
        carry_out(placings, action, undo, lambda done: bar.show(done, len(placings), action, unit="files"))
    complain(f"done; take it back with `dheads sort --undo {shlex.quote(str(undo))}`")


def _summary(text: str, folders: Counter[str]) -> None:
    listed = ", ".join(f"{name} {count}" for name, count in folders.most_common())
    complain(f"summary: {text}" + (f": {listed}" if len(folders) > 1 else ""))


def _shown(placing: Placing, into: Path) -> str:
    return str(into / placing.target.relative_to(into.absolute()))


def _undo(undo: Path) -> int:
    from distortion_heads.io.place_files import take_back

    left = done = 0
    for target, why in take_back(undo):
        if why is None:
            done += 1
        else:
            left += 1
            complain(f"{target} stays: {why}")
    complain(f"summary: {done} taken back" + (f", {left} stay" if left else ""))
    return int(bool(left))
