"""`dheads train`."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dheads_cli._console import stdout_stream
from dheads_cli._progress import Bar, progress_bar
from dheads_cli._session import needs_train_extra, session_of

if TYPE_CHECKING:
    from distortion_heads.training.bundle import BundleOptions, Stage
    from distortion_heads.training.joint import Progress

FOLDER = click.Path(path_type=Path)
COUNT = click.IntRange(min=1)


@click.command()
@click.option("--images", type=FOLDER, required=True, help="A folder of clean pictures.")
@click.option("--out", type=FOLDER, required=True, help="The folder of this run; a run that was stopped goes on.")
@click.option("--steps", type=COUNT, help="Steps of the joint training (default: the recipe's).")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same weights.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--workers", type=COUNT, default=1, show_default=True, help="Processes that distort pictures.")
@click.option("--threads", type=COUNT, help="Threads of torch on the CPU.")
@click.option("--compile/--no-compile", "compile_network", default=False, help="Use torch.compile.")
@click.option("--fit-pictures", type=COUNT, help="Distorted pictures that the heads are fitted on.")
@click.option("--hold-pictures", type=COUNT, help="Distorted pictures that the heads are measured on.")
@click.option(
    "--license", "licenses", multiple=True, metavar="TEXT", help="A licence of the pictures; may be repeated."
)
@click.pass_context
def train(
    ctx: click.Context,
    images: Path,
    out: Path,
    steps: int | None,
    seed: int,
    device: str,
    workers: int,
    threads: int | None,
    compile_network: bool,
    fit_pictures: int | None,
    hold_pictures: int | None,
    licenses: tuple[str, ...],
) -> None:
    """Train the backbone and the heads of all distortions that the plugins can make, on clean pictures.

    Writes backbone/ and heads/ into --out. Held-out AUROC is printed whenever it was measured.
    """
    registry = session_of(ctx).checked_registry()
    with needs_train_extra("train"):
        from distortion_heads.training.bundle import BundleOptions, train_bundle
        from distortion_heads.training.joint import Recipe

        recipe = replace(Recipe(), seed=seed) if steps is None else replace(Recipe(), seed=seed, steps=steps)
        options = BundleOptions(
            images=images,
            out=out,
            recipe=recipe,
            device=_set_up_torch(device, threads),
            workers=workers,
            compile_network=compile_network,
            licenses=licenses,
            command=shlex.join(
                ["dheads", "train", "--images", images.name, "--steps", str(recipe.steps), "--seed", str(seed)]
            ),
        )
        options = _with_pictures(options, fit_pictures, hold_pictures)
        specs = [head.spec for head in registry.heads.values()]
        with progress_bar(ticking=True) as bar:
            folder = train_bundle(options, specs, lambda progress: _show(bar, progress))
    stdout_stream(machine=False).write(f"wrote {folder / 'backbone'} and {folder / 'heads'}\n")


def _set_up_torch(device: str, threads: int | None) -> str:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def _with_pictures(options: BundleOptions, fit: int | None, hold: int | None) -> BundleOptions:
    return replace(options, fit_pictures=fit or options.fit_pictures, hold_pictures=hold or options.hold_pictures)


def _show(bar: Bar, progress: Progress | Stage) -> None:
    from distortion_heads.training.bundle import Stage

    if isinstance(progress, Stage):
        bar.show(progress.done, progress.total, progress.name, progress.detail)
        return
    detail = f"loss {progress.loss:.4f}, {progress.samples_per_second:.0f} pictures/s"
    bar.show(progress.step, progress.steps, "backbone", detail)
    if progress.auroc:
        with bar.hidden():
            stdout_stream(machine=False).write(f"{_measured(progress)}\n")


def _measured(progress: Progress) -> str:
    auroc = progress.auroc or {}
    worst = min(auroc, key=lambda label: auroc[label])
    mean = sum(auroc.values()) / len(auroc)
    return f"step {progress.step}: loss {progress.loss:.4f}, AUROC mean {mean:.4f}, least {auroc[worst]:.4f} ({worst})"
