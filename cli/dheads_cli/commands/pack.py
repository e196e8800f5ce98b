"""`dheads pack`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dheads_cli.output.console import printable, stdout_stream
from dheads_cli.output.head_facts import bundled_ref
from dheads_cli.session import needs_train_extra, session_of
from distortion_heads.errors import DataError

if TYPE_CHECKING:
    from distortion_heads.export.package import Package
    from distortion_heads.registry.build import Registry


@click.command()
@click.argument("heads", nargs=-1, required=True, metavar="LABEL...")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder of the package, new or empty.")
@click.option("--name", metavar="NAME", help="The package's name (default: dheads- and the label).")
@click.option("--version", default="0.1.0", show_default=True, metavar="V", help="The package's version.")
@click.option("--description", metavar="TEXT", help="What it detects, in one sentence.")
@click.option("--licence", "--license", metavar="SPDX", help="The licence of heads whose files state none.")
@click.option(
    "--picture-licence",
    "--picture-license",
    "picture_licences",
    multiple=True,
    metavar="TEXT",
    help="A licence of the training pictures, where the head does not say; or unknown. May be repeated.",
)
@click.option("--non-commercial", is_flag=True, help="Pack heads whose licences allow no commercial use, and say so.")
@click.option(
    "--synthesizer",
    "synthesizers",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="LABEL.py",
    help="A module whose function synthesize makes the distortion of that head. May be repeated.",
)
@click.option("--profile", metavar="NAME", help="Pack thresholds too that `dheads calibrate` made for these heads.")
@click.option("--wheel", is_flag=True, help="Build the wheel too, in DIR/dist.")
@click.option("--force", is_flag=True, help="Replace the files of an earlier package in DIR.")
@click.pass_context
def pack(
    ctx: click.Context,
    heads: tuple[str, ...],
    out: Path,
    name: str | None,
    version: str,
    description: str | None,
    licence: str | None,
    picture_licences: tuple[str, ...],
    non_commercial: bool,
    synthesizers: tuple[Path, ...],
    profile: str | None,
    wheel: bool,
    force: bool,
) -> None:
    """Make a pip package of trained heads: hooks, weights, card, licence, thresholds and a test.

    LABEL is a head of your own, or a head file that `dheads add-head --out` wrote. It is refused where its file
    does not say what it was trained on, or where a licence forbids to pass it on.
    """
    session = session_of(ctx)
    registry = session.checked_registry()
    with needs_train_extra("dheads pack"):
        from distortion_heads.export.package import PackRequest, make_package
        from distortion_heads.export.wheel import build_wheel
        from distortion_heads.reports.files import write_files
        from distortion_heads.training.heads.train_head import weakness

        request = PackRequest(
            heads=heads,
            name=name,
            version=version,
            description=description,
            licence=licence,
            picture_licences=picture_licences,
            non_commercial=non_commercial,
            synthesizers=synthesizers,
            profile=None if profile is None else session.profile(profile),
        )
        package = make_package(request, registry, bundled_ref())
        _check_folder(out, force)
        session.report([f"head {head.label!r}: {weak}" for head in package.heads if (weak := weakness(head))])
        write_files(out, package.files)
        _say(f"wrote {printable(str(out))}: {package.name} {package.version}, {package.licence}")
        if wheel:
            _say(f"wrote {printable(str(build_wheel(out)))}")
    for label in _own(package, registry):
        session.warn(f"your own head {label!r} has this label too: `dheads remove-head {label}` before you install it")


def _check_folder(out: Path, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file: give --out a folder")
    if out.is_dir() and any(out.iterdir()) and not force:
        raise DataError(f"{out} is not empty: replace what is in it with --force, or choose another --out")


def _own(package: Package, registry: Registry) -> list[str]:
    from distortion_heads.registry.discovery import USER

    mine = {label for label, head in registry.heads.items() if head.owner.distribution == USER}
    return [head.label for head in package.heads if head.label in mine]


def _say(line: str) -> None:
    stdout_stream(machine=False).write(f"{line}\n")
