"""`dheads train`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dheads_cli.commands.train_clips import train_on_clips
from dheads_cli.commands.train_data import check_options, dataset_options, refit, train_on_data
from dheads_cli.commands.train_families import make_familiarity, make_places, train_on_families, train_on_series
from dheads_cli.options import ray_address
from dheads_cli.output.console import stdout_stream
from dheads_cli.output.progress import Bar, progress_bar
from dheads_cli.output.trained_table import trained_table
from dheads_cli.session import needs_train_extra, session_of
from distortion_heads._system.locks import only_writer
from distortion_heads.errors import DheadsError

if TYPE_CHECKING:
    from distortion_heads.training.networks.loop import Progress
    from distortion_heads.training.networks.recipes import ShardRecipe
    from distortion_heads.training.runs.from_clean_pictures import BundleOptions, Stage

FOLDER = click.Path(path_type=Path)
COUNT = click.IntRange(min=1)
IMAGES_ONLY = ("steps", "start", "workers", "compile_network", "fit_pictures", "hold_pictures", "licenses")


@click.command()
@click.option("--images", type=FOLDER, help="A folder of clean pictures.")
@click.option("--out", type=FOLDER, required=True, help="The folder of this run; a run that was stopped goes on.")
@click.option("--steps", type=COUNT, help="Steps of the joint training (default: the recipe's).")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Same seed, same weights."
)
@click.option(
    "--start",
    type=FOLDER,
    metavar="PATH",
    help="Begin with a backbone's weights (.safetensors), or those of a run's checkpoint.pt, pruned if it is wider; "
    "with --families: with the heads in this folder.",
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--workers", type=COUNT, default=1, show_default=True, help="Processes that distort pictures.")
@click.option("--on", metavar="ray", help="Distort pictures on a Ray cluster: ray://HOST:PORT, or ray for one here.")
@click.option("--threads", type=COUNT, help="Threads of torch on the CPU.")
@click.option("--compile/--no-compile", "compile_network", default=False, help="Use torch.compile.")
@click.option("--fit-pictures", type=COUNT, help="Distorted pictures that the heads are fitted on.")
@click.option("--hold-pictures", type=COUNT, help="Distorted pictures that the heads are measured on.")
@click.option(
    "--license", "licenses", multiple=True, metavar="TEXT", help="A licence of the pictures; may be repeated."
)
@click.option(
    "--head-license",
    default="unspecified",
    show_default=True,
    metavar="TEXT",
    help="The licence of the head files.",
)
@click.option("--clips", type=FOLDER, help="A folder of clean videos: fit the heads that need successive frames.")
@click.option("--families", is_flag=True, help="Fit the heads of families on mixtures as they reach us.")
@click.option("--quality", is_flag=True, help="Fit the head of quality on series of ever worse pictures.")
@click.option("--familiarity", is_flag=True, help="Make the model that tells unfamiliar pictures from these.")
@click.option("--places", is_flag=True, help="Make the model that tells where in a picture a family of faults lies.")
@click.option(
    "--wild",
    type=FOLDER,
    help="With --images, but for --places: pictures as they were found, and manifest.csv.",
)
@dataset_options
@click.pass_context
def train(
    ctx: click.Context,
    /,
    images: Path | None,
    out: Path,
    steps: int | None,
    seed: int,
    start: Path | None,
    device: str,
    workers: int,
    on: str | None,
    threads: int | None,
    compile_network: bool,
    fit_pictures: int | None,
    hold_pictures: int | None,
    licenses: tuple[str, ...],
    head_license: str,
    clips: Path | None,
    families: bool,
    quality: bool,
    familiarity: bool,
    places: bool,
    wild: Path | None,
    refit_heads: bool,
    **dataset: Any,
) -> None:
    """Train a backbone and heads: from clean pictures (--images) or on a labelled dataset (--data).

    With --images, this project's backbone learns, from random initialisation or from --start, with the heads of all
    distortions that the plugins can make and of their families; held-out AUROC is printed whenever it was measured.
    With --data, any backbone, frozen or fine-tuned, and a head per label of the dataset; started by torchrun, the
    processes share the work. With --clips and --images, heads that need successive frames, on clips that are made
    of both. With --families and --images, the heads of families, on the bundled backbone's features of samples with
    the faults that can be seen in them. With --quality and --images, the head that says how good a picture is. With
    --familiarity and --images, the small model that tells pictures unlike these; with --places and --images, the
    one that tells where in a picture a fault lies.

    Writes backbone/ and heads/ into --out.
    """
    making = {"workers": workers, **_cluster(ctx, on, makes_features=families or quality or refit_heads)}
    if clips is not None:
        if images is None:
            raise click.UsageError("--clips DIR goes with --images DIR, over which a camera is moved", ctx)
        others = {*IMAGES_ONLY, *dataset, "refit_heads", "device", "threads"} - {"licenses", "backbone"}
        check_options(ctx, "--clips", without=others)
        train_on_clips(ctx, clips, images, out, seed, licenses, head_license, dataset["backbone"])
        return
    wanted = {"--families": families, "--quality": quality, "--familiarity": familiarity, "--places": places}
    if any(wanted.values()):
        chosen = {"start": start, "fit_pictures": fit_pictures, "hold_pictures": hold_pictures, **making}
        cards = {"licenses": licenses, "head_license": head_license}
        names = [name for name, given in wanted.items() if given]
        _train_one(ctx, names, images, wild, out, seed, {**chosen, **cards})
        return
    if wild is not None and (images is None or refit_heads):
        raise click.UsageError("--wild DIR goes with --images DIR, and not with --refit-heads", ctx)
    if images is None or dataset["data"] is not None:
        if images is not None or dataset["data"] is None or refit_heads:
            raise click.UsageError("give --images DIR, or --data DATASET, or --refit-heads with --images DIR", ctx)
        check_options(ctx, "--data", without=IMAGES_ONLY)
        with needs_train_extra("train"):
            _set_up_torch(device, threads)
        train_on_data(ctx, out, seed, device, head_license, dataset)
        return
    check_options(ctx, "--images", without=dataset)
    if refit_heads:
        counts = {"fit_pictures": fit_pictures, "hold_pictures": hold_pictures}
        refit(ctx, out, images, seed, {**counts, **making, "licenses": licenses, "head_license": head_license})
        return
    registry = session_of(ctx).checked_registry()
    with needs_train_extra("train"):
        from distortion_heads.training.networks.recipes import ShardRecipe
        from distortion_heads.training.runs.from_clean_pictures import BundleOptions, train_bundle

        recipe = replace(ShardRecipe(), seed=seed) if steps is None else replace(ShardRecipe(), seed=seed, steps=steps)
        options = BundleOptions(
            images=images,
            out=out,
            recipe=recipe,
            device=_set_up_torch(device, threads),
            workers=workers,
            compile_network=compile_network,
            wild=wild,
            start=start,
            licenses=licenses,
            head_license=head_license,
            command=_command(images, wild, recipe, start, fit_pictures, hold_pictures, licenses),
        )
        options = _with_pictures(options, fit_pictures, hold_pictures)
        specs = [head.spec for head in registry.heads.values()]
        with only_writer(out, "dheads train"), progress_bar(ticking=True) as bar:
            folder = train_bundle(options, specs, lambda progress: _show(bar, progress))
    table = trained_table(folder / "heads")
    stdout_stream(machine=False).write(f"{table}wrote {folder / 'backbone'} and {folder / 'heads'}\n")


def _cluster(ctx: click.Context, on: str | None, *, makes_features: bool) -> dict[str, Any]:
    if on is None:
        return {}
    if not makes_features:
        raise click.UsageError("--on goes with --families, --quality or --refit-heads", ctx)
    address = ray_address(ctx, on)
    from distortion_heads.batch.pool import RayWorkers

    return {"each": RayWorkers(address).each}


def _set_up_torch(device: str, threads: int | None) -> str:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    if device == "cuda" and not torch.cuda.is_available():
        raise DheadsError("--device cuda: torch finds no such device; use --device cpu")
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def _command(
    images: Path,
    wild: Path | None,
    recipe: ShardRecipe,
    start: Path | None,
    fit: int | None,
    hold: int | None,
    licenses: Sequence[str],
) -> str:
    """Return what decides the weights, as it was given; paths by their last part, for the files are given to others."""
    words = ["dheads", "train", "--images", images.resolve().name, "--steps", str(recipe.steps)]
    words += ["--seed", str(recipe.seed)]
    given = {
        "--wild": wild and wild.resolve().name,
        "--start": start and start.name,
        "--fit-pictures": fit,
        "--hold-pictures": hold,
    }
    words += [word for option, value in given.items() if value is not None for word in (option, str(value))]
    words += [word for text in licenses for word in ("--license", text)]
    return shlex.join(words)


def _with_pictures(options: BundleOptions, fit: int | None, hold: int | None) -> BundleOptions:
    return replace(options, fit_pictures=fit or options.fit_pictures, hold_pictures=hold or options.hold_pictures)


def _show(bar: Bar, progress: Progress | Stage) -> None:
    from distortion_heads.training.runs.from_clean_pictures import Stage

    if isinstance(progress, Stage):
        bar.show(progress.done, progress.total, progress.name, progress.detail)
        return
    detail = f"loss {progress.loss:.4f}, {progress.per_second:.0f} pictures/s"
    bar.show(progress.step, progress.steps, "backbone", detail)
    if progress.auroc:
        with bar.hidden():
            stdout_stream(machine=False).write(f"{_measured(progress)}\n")


def _measured(progress: Progress) -> str:
    auroc = progress.auroc or {}
    worst = min(auroc, key=lambda label: auroc[label])
    mean = sum(auroc.values()) / len(auroc)
    return f"step {progress.step}: loss {progress.loss:.4f}, AUROC mean {mean:.4f}, least {auroc[worst]:.4f} ({worst})"


def _train_one(
    ctx: click.Context,
    wanted: list[str],
    images: Path | None,
    wild: Path | None,
    out: Path,
    seed: int,
    options: dict[str, Any],
) -> None:
    """Make what one of the options `wanted` names, from clean pictures. Raises `UsageError` for several of them."""
    what = wanted[0]
    if images is None or len(wanted) > 1:
        raise click.UsageError(f"{what} goes alone, with --images DIR, a folder of clean pictures", ctx)
    samples = {"wild", "licenses", "workers", "on", "fit_pictures", "hold_pictures"}
    read = {
        "--familiarity": {"wild"},
        "--places": {"workers"},
        "--families": samples | {"start"},
    }.get(what, samples)
    others = {param.name or "" for param in ctx.command.params} - {"images", "out", "seed", "head_license"}
    check_options(ctx, what, without=others - {name.strip("-") for name in wanted} - read)
    if what == "--familiarity":
        make_familiarity(ctx, images, wild, out, seed)
    elif what == "--places":
        make_places(ctx, images, out, seed, options["workers"])
    else:
        (train_on_families if what == "--families" else train_on_series)(ctx, images, wild, out, seed, options)
