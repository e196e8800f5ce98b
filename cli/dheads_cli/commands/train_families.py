"""`dheads train --families`, `--quality`, `--familiarity` and `--places`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from dheads_cli.output.cards import write_card
from dheads_cli.output.console import stdout_stream
from dheads_cli.output.progress import progress_bar
from dheads_cli.output.quality_card import quality_figures
from dheads_cli.output.trained_table import figures_table
from dheads_cli.session import session_of


def train_on_families(
    ctx: click.Context, images: Path, wild: Path | None, out: Path, seed: int, options: dict[str, Any]
) -> None:
    """Fit the heads of all families that plugins have; write `out/heads`, and what was measured."""
    from distortion_heads.training.runs.from_families import FamilyOptions, train_families

    specs = [head.spec for head in session_of(ctx).checked_registry().heads.values()]
    with _writing(out) as report:
        given = _given("--families", images, wild, out, seed, options)
        heads = train_families(FamilyOptions(**given, report=report), specs)
    stdout_stream(machine=False).write(f"{figures_table(heads, 'family')}wrote {out / 'heads'}\n")


def train_on_series(
    ctx: click.Context, images: Path, wild: Path | None, out: Path, seed: int, options: dict[str, Any]
) -> None:
    """Fit the head of quality; write `out/heads/quality.safetensors`, and what was measured."""
    from distortion_heads.training.runs.from_series import QualityOptions, train_quality

    specs = [head.spec for head in session_of(ctx).checked_registry().heads.values()]
    with _writing(out) as report:
        given = _given("--quality", images, wild, out, seed, options)
        head, spread = train_quality(QualityOptions(**given, report=report), specs)
    write_card(f"{head.label}: {head.title}", quality_figures(head, spread, "pictures"))
    stdout_stream(machine=False).write(f"wrote {out / 'heads'}\n")


def make_familiarity(ctx: click.Context, images: Path, wild: Path | None, out: Path, seed: int) -> None:
    """Make the model of familiar pictures, and write it into `out`."""
    from distortion_heads.training.runs.familiar_pictures import FamiliarOptions, train_familiarity

    specs = tuple(head.spec for head in session_of(ctx).checked_registry().heads.values())
    with progress_bar() as bar:
        path, model = train_familiarity(
            FamiliarOptions(
                images=images,
                wild=wild,
                out=out,
                seed=seed,
                command=_command("--familiarity", images, wild, seed, {}),
                report=lambda stage, done, total: bar.show(done, total, stage, unit="pictures"),
            ),
            specs,
        )
    told = f"{len(model.points)} pictures, unfamiliar beyond {model.limit:.3f}"
    stdout_stream(machine=False).write(f"{told}\nwrote {path}\n")


def make_places(ctx: click.Context, images: Path, out: Path, seed: int, workers: int) -> None:
    """Make the model of where in a picture a family lies, and write it into `out`."""
    from distortion_heads.training.runs.places import PlaceOptions, train_places

    specs = {label: head.spec for label, head in session_of(ctx).checked_registry().heads.items()}
    with _writing(out) as report:
        path, model = train_places(
            PlaceOptions(
                images=images,
                out=out,
                seed=seed,
                workers=workers,
                command=_command("--places", images, None, seed, {}),
                report=report,
            ),
            specs,
        )
    told = "\n".join(f"{name}: {value}" for name, value in model.info.items())
    stdout_stream(machine=False).write(f"{told}\nwrote {path}\n")


@contextmanager
def _writing(out: Path) -> Iterator[Callable[[str, int, int], None]]:
    """Keep other runs out of the folder, and give what shows how far this one is."""
    from distortion_heads._system.locks import only_writer

    with progress_bar(ticking=True) as bar, only_writer(out, "dheads train"):
        yield lambda stage, done, total: bar.show(done, total, stage)


def _given(what: str, images: Path, wild: Path | None, out: Path, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a run that makes samples of clean pictures, without those that were not given."""
    told = {"command": _command(what, images, wild, seed, options)}
    chosen = {name: value for name, value in options.items() if value is not None}
    return {"images": images, "wild": wild, "out": out, "seed": seed, **told, **chosen}


def _command(what: str, images: Path, wild: Path | None, seed: int, options: dict[str, Any]) -> str:
    """Return what decides the weights; folders by their names, for the files are given to others."""
    words = ["dheads", "train", what, "--images", images.resolve().name, "--seed", str(seed)]
    words += [] if wild is None else ["--wild", wild.resolve().name]
    words += [] if options.get("start") is None else ["--start", options["start"].resolve().name]
    for name in ("fit_pictures", "hold_pictures"):
        words += [] if options.get(name) is None else [f"--{name.replace('_', '-')}", str(options[name])]
    return shlex.join(words)
