"""Options and texts of all commands of `dheads bench`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from dheads_cli.output.console import complain, plain_table, stdout_stream
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import needs_train_extra
from distortion_heads.reports.markdown import FEW

if TYPE_CHECKING:
    from dheads_cli.session import Session
    from distortion_heads.bench.shared.goals import Goal

SEED = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another one distorts otherwise."
)
IMAGES = click.option("--images", required=True, metavar="DIR", help="Clean pictures, none of which was trained on.")
LIMIT = click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Take N of the pictures, always the same ones."
)
JOBS = click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="Number of processes (default: one per core)."
)
ANSWER = {None: "not measured", True: "yes", False: "NO"}


class Measured(Protocol):
    """The part of a report's setting that says what was not measured."""

    @property
    def left_out(self) -> tuple[str, ...]: ...

    @property
    def unreadable(self) -> tuple[str, ...]: ...


@contextmanager
def measuring(session: Session, which: str, noun: str = "pictures") -> Iterator[dict[str, Any]]:
    """Say what is broken, show how far a bench is, and give what it measures with."""
    session.checked_registry()  # each process makes its own
    with needs_train_extra(f"dheads bench {which}"), progress_bar(ticking=True) as bar:
        from distortion_heads.bench.shared.options import InstalledRegistry

        yield {
            "make_registry": InstalledRegistry(no_plugins=session.no_plugins),
            "progress": lambda done, total: bar.show(done, total, "", f"{done} of {total}", noun),
        }


def print_report(shown: str, out: str) -> None:
    """Print the figures, and where the whole report is."""
    stdout_stream(machine=False).write(f"{shown}\nreport: {Path(out) / 'report.md'}\n")


def report_setting(session: Session, setting: Measured) -> int:
    """Say which heads were left out and which pictures cannot be read; return the exit status."""
    session.report([*setting.left_out])
    for problem in setting.unreadable:
        session.warn(problem)
    return 1 if setting.unreadable else 0


def measured_on(pictures: int, noun: str = "pictures", versions: int | None = None) -> str:
    """Return the line that says what shares are of, and note where that is little."""
    if pictures < FEW:
        complain(f"note: {pictures} {noun}: shares of fewer than {FEW} are rough")
    made = "" if versions is None else f", {versions} versions of them"
    return f"measured on {pictures} {noun}{made}\n"


def labels_of(heads: str | None) -> tuple[str, ...] | None:
    """Return the labels in "A,B"; None for None. Raises `BadParameter`."""
    if heads is None:
        return None
    labels = tuple(label.strip() for label in heads.split(",") if label.strip())
    if not labels:
        raise click.BadParameter("names no head", param_hint="--heads")
    return labels


def command_line(options: Mapping[str, object], which: str) -> str:
    """Return the command line that gives the same figures."""
    given = [
        f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in options.items() if value is not None
    ]
    return " ".join((f"dheads bench {which}", *given))


def goals_table(goals: Sequence[Goal], header: str, bound: Callable[[Goal], str]) -> str:
    """Return the goals beside what was measured."""
    rows = [["goal", header, "measured", "reached"]]
    for goal in goals:
        measured = "-" if goal.measured is None else f"{goal.measured:.3f}"
        rows.append([goal.figure, bound(goal), measured, ANSWER[goal.met]])
    return plain_table(rows)
