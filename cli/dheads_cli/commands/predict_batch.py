"""`dheads predict --on ray`: many pictures on many machines, into a folder of Parquet files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dheads_cli.backbones import chosen_backbone
from dheads_cli.options import ray_address
from dheads_cli.output.console import printable, stdout_stream
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import Session

if TYPE_CHECKING:
    from distortion_heads.pipeline import Predictor

F = TypeVar("F", bound=Callable[..., Any])

NEITHER = ("as_json", "csv_file", "csv_long", "heat", "parquet", "resume", "show_all", "conditions")
"""Options of `predict` that say how to write what is written as Parquet here."""

_OPTIONS = (
    click.option(
        "--on", metavar="ray", help="Many pictures: on all cores here (ray), or on a cluster (ray://HOST:PORT)."
    ),
    click.option("--out", metavar="DIR", help="With --on: the folder or URL for Parquet files, a row per picture."),
    click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="With --on: N workers (default: all cores)."),
    click.option(
        "--part-size", type=click.IntRange(min=1), metavar="N", help="With --on: N pictures in a Parquet file (1000)."
    ),
    click.option("--column", metavar="NAME", help="With --on: the column of pictures or paths in Parquet inputs."),
)


def batch_options(command: F) -> F:
    """Add the options for many machines; they arrive as further keyword arguments, for `batch_request`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def batch_request(ctx: click.Context, arguments: dict[str, Any]) -> BatchRequest | None:
    """Take the options for many machines out of `arguments`; None without --on. Raises `click.UsageError`."""
    given = {name: arguments.pop(name) for name in ("on", "out", "jobs", "part_size", "column")}
    if given["on"] is None:
        for name, value in given.items():
            if value is not None:
                raise click.UsageError(f"--{name.replace('_', '-')} goes with --on ray", ctx)
        return None
    address = ray_address(ctx, given.pop("on"))
    if given["out"] is None:
        raise click.UsageError("--on ray wants --out DIR, for the Parquet files", ctx)
    others = {**{name: ctx.params[name] for name in NEITHER}, **arguments}
    for name in [name for name, value in others.items() if value] + ["pages"] * (ctx.params["pages"] != "first"):
        option = next(param.opts[0] for param in ctx.command.params if param.name == name)
        raise click.UsageError(f"{option} does not go with --on ray, which writes Parquet files of pictures", ctx)
    return BatchRequest(address=address, **given)


@dataclass(frozen=True, kw_only=True)
class BatchRequest:
    """The request of the command line for many machines."""

    address: str | None
    out: str
    jobs: int | None
    part_size: int | None
    column: str | None

    def run(
        self,
        session: Session,
        predictor: Predictor,
        paths: Sequence[str],
        backbone: str | None,
        choices: Mapping[str, Any],
    ) -> int:
        """Judge all pictures and return the exit status: 1 if one failed, else 0. Raises `DheadsError`."""
        from distortion_heads.batch.on_ray import cluster, work_on
        from distortion_heads.batch.places import Folder
        from distortion_heads.batch.shards import Job
        from distortion_heads.batch.sources import PART_SIZE, work_lists
        from distortion_heads.batch.work import model_of

        spec, registry = chosen_backbone(session, backbone)
        given = {name: value for name, value in choices.items() if value is not None}
        model = model_of(predictor, registry, spec, **given)
        size, folder = self.part_size or PART_SIZE, Folder(self.out)
        facts = {"inputs": list(paths), "part_size": size, "column": self.column, **model.facts()}
        with _only_writer(self.out):
            job = Job(folder, facts)
            lists = job.plan(work_lists(paths, size, self.column))
            missing = job.missing(lists)
            rows = errors = 0
            if missing:
                with cluster(self.address, self.jobs) as ray, progress_bar(wanted=True) as bar:
                    show = lambda done, total: bar.show(done, total, f"part {done} of {total}")  # noqa: E731
                    for done in work_on(ray, missing, model, folder, self.jobs, show):
                        rows, errors = rows + done.rows, errors + done.errors
        there = f", {len(lists) - len(missing)} parts were there" if len(missing) < len(lists) else ""
        failed = f", {errors} with errors" if errors else ""
        stdout_stream(machine=False).write(
            f"wrote {printable(self.out)}: {rows} pictures in {len(missing)} parts{failed}{there}\n"
        )
        return 1 if errors else 0


@contextmanager
def _only_writer(out: str) -> Iterator[None]:
    """Hold a folder on this machine; one behind a URL cannot be held."""
    from distortion_heads._system.locks import only_writer
    from distortion_heads.batch.places import is_url

    if is_url(out):
        yield
        return
    with only_writer(Path(out), "dheads predict"):
        yield
