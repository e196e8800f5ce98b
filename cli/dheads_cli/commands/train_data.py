"""`dheads train --data` and `dheads train --refit-heads`: what these add to `dheads train`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click
from click.core import ParameterSource

from dheads_cli.output.console import plain_table, stdout_stream
from dheads_cli.output.progress import Bar, progress_bar
from dheads_cli.output.trained_table import trained_table
from dheads_cli.session import needs_train_extra, session_of

if TYPE_CHECKING:
    from distortion_heads.training.networks.loop import Progress
    from distortion_heads.training.runs.from_dataset import DatasetRun, Summary
    from distortion_heads.training.runs.from_scores import ScoresSummary

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--data", help="A labelled dataset, as its owners distribute it, or a URL of one or its tar shards."),
    click.option("--kind", help="What kind of dataset --data is (default: found out)."),
    click.option("--labels", metavar="A,B", help="Learn these labels only (default: all of the dataset)."),
    click.option(
        "--backbone",
        metavar="NAME",
        help="dheads_small, a model of torchvision such as densenet169, or a plugin's backbone.",
    ),
    click.option("--weights", metavar="WHICH", help="imagenet, none, or a file .safetensors or .pth."),
    click.option("--finetune", type=click.Choice(["frozen", "last-block", "all"]), help="What of the backbone learns."),
    click.option(
        "--recipe",
        type=click.Choice(["dheads", "ameur", "meon", "deepfl", "lai"]),
        default="dheads",
        show_default=True,
        help="deepfl and lai learn the scores that `dheads synth --kadis` or --levels gives, or else ratings.",
    ),
    click.option("--pooling", type=click.Choice(["mean", "majority"]), help="How a picture's windows decide."),
    click.option("--epochs", type=click.IntRange(min=1), help="At most (default: the recipe's)."),
    click.option(
        "--batch", "images_per_batch", type=click.IntRange(min=1), help="Pictures a step, over all processes."
    ),
    click.option("--rate", type=click.FloatRange(0, min_open=True), help="Learning rate of the heads."),
    click.option("--backbone-rate", type=click.FloatRange(0, min_open=True), help="Learning rate of the backbone."),
    click.option("--score-rate", type=click.FloatRange(0, min_open=True), help="Of recipe lai's score beside classes."),
    click.option(
        "--patience", type=click.IntRange(min=0), help="Epochs without improvement before it stops; 0: never."
    ),
    click.option("--precision", type=click.Choice(["auto", "float32", "bfloat16"]), help="auto: bfloat16 on a GPU."),
    click.option("--side", type=click.IntRange(min=32), help="Side of the patches in pixels."),
    click.option("--stride", type=click.IntRange(min=1), help="Stride of the patches in pixels."),
    click.option("--refit-heads", is_flag=True, help="Fit the attached heads again on the backbone in --out."),
)
DATASET_DEFAULTS: dict[str, tuple[str, Literal["frozen", "last-block", "all"]]] = {
    "ameur": ("densenet169", "frozen"),
    "dheads": ("dheads_small", "frozen"),
    "meon": ("meon", "all"),
    "deepfl": ("dheads_small", "all"),
    "lai": ("resnet50", "all"),
}
"""By recipe: the backbone, and what of it learns."""

_CHANGES = (
    "pooling", "epochs", "images_per_batch", "rate", "backbone_rate", "score_rate", "patience", "precision", "side",
    "stride",
)  # fmt: skip


def dataset_options(command: _F) -> _F:
    """Add the options of training on a dataset."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check_options(ctx: click.Context, mode: str, without: Iterable[str]) -> None:
    """Raise `click.UsageError` if an option was given that means nothing with `mode`."""
    for parameter in ctx.command.params:
        name = parameter.name or ""
        if name in without and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]} does not go with {mode}", ctx)


def train_on_data(
    ctx: click.Context, out: Path, seed: int, device: str, head_license: str, options: dict[str, Any]
) -> None:
    """Train on a labelled dataset; under `torchrun` only the first process writes anything."""
    registry = session_of(ctx).checked_registry()
    of_scores = options["recipe"] in ("deepfl", "lai")
    if of_scores:
        check_options(ctx, f"--recipe {options['recipe']}", without={"labels", "pooling"})
    if options["recipe"] != "lai":
        check_options(ctx, f"--recipe {options['recipe']}", without={"score_rate"})
    with needs_train_extra("train"):
        from distortion_heads.training.networks.processes import joined
        from distortion_heads.training.runs.from_dataset import train_on_dataset
        from distortion_heads.training.runs.from_scores import train_on_scores

        with joined(device) as processes, progress_bar(wanted=processes.is_first, ticking=True) as bar:
            run = _run(out, seed, head_license, options, lambda progress: _show(bar, progress))
            teach = train_on_scores if of_scores else train_on_dataset
            summary = teach(run, registry, processes)
        if processes.is_first:
            _tell(ctx, out, summary)


def refit(ctx: click.Context, out: Path, images: Path, seed: int, options: dict[str, Any]) -> None:
    """Fit the attached heads again."""
    session = session_of(ctx)
    registry = session.checked_registry()
    with needs_train_extra("train"):
        from distortion_heads.training.runs.refit_heads import RefitOptions, refit_heads

        chosen = {key: value for key, value in options.items() if value is not None}
        with progress_bar(ticking=True) as bar:
            done = refit_heads(
                RefitOptions(
                    out=out,
                    images=images,
                    seed=seed,
                    command=f"dheads train --refit-heads --images {shlex.quote(images.resolve().name)} --seed {seed}",
                    report=lambda stage, step, total: bar.show(step, total, stage),
                    **chosen,
                ),
                registry,
            )
    if done.left_out:
        session.warn(f"not fitted, as their distortion cannot be made: {', '.join(done.left_out)}")
    stdout_stream(machine=False).write(
        f"{trained_table(out / 'heads')}wrote {len(done.written)} heads to {out / 'heads'}\n"
    )


def _run(
    out: Path, seed: int, head_license: str, options: dict[str, Any], report: Callable[[Progress], None]
) -> DatasetRun:
    from distortion_heads.training.networks.recipes import recipe_for
    from distortion_heads.training.runs.from_dataset import DatasetRun
    from distortion_heads.training.runs.job import NetworkChoice

    changes = {name: options[name] for name in _CHANGES}
    data = _on_this_machine(options["data"])
    labels = options["labels"]
    backbone, finetune = DATASET_DEFAULTS[options["recipe"]]
    return DatasetRun(
        data=data,
        out=out,
        choice=NetworkChoice(
            backbone=options["backbone"] or backbone,
            weights=options["weights"],
            finetune=options["finetune"] or finetune,
            recipe=recipe_for(options["recipe"], **changes, seed=seed),
        ),
        kind=options["kind"],
        labels=None if labels is None else tuple(label.strip() for label in labels.split(",") if label.strip()),
        given=frozenset(name for name, value in changes.items() if value is not None),
        head_license=head_license,
        command=_command(seed, options),
        report=report,
    )


def _on_this_machine(data: str) -> Path:
    """Return the folder or file; what is at a URL is fetched once, into the user's cache."""
    if "://" not in data:
        return Path(data)
    from distortion_heads.datasets.fetch import fetched
    from distortion_heads.training.features.cache import FeatureCache

    return fetched(data, FeatureCache.default(os.environ).folder / "data")


def _command(seed: int, options: dict[str, Any]) -> str:
    """Return what decides the result; paths by their last part, for the files are given to others."""
    words = ["dheads", "train"]
    for name, value in options.items():
        if value not in (None, False):
            text = Path(value).name if name in ("data", "weights") else str(value)
            words += [f"--{'batch' if name == 'images_per_batch' else name.replace('_', '-')}", text]
    return shlex.join([*words, "--seed", str(seed)])


def _show(bar: Bar, progress: Progress) -> None:
    bar.show(
        progress.step,
        progress.steps,
        f"epoch {progress.epoch}",
        f"loss {progress.loss:.4f}, {progress.per_second:.1f} pictures/s",
    )
    if progress.validation is not None:
        with bar.hidden():
            line = f"epoch {progress.epoch}: loss {progress.loss:.4f}, validation {progress.validation:.4f}\n"
            sys.stderr.write(line)


def _tell(ctx: click.Context, out: Path, summary: Summary | ScoresSummary) -> None:
    for note in summary.notes:
        session_of(ctx).warn(note)
    present = [head for head in summary.heads if head.scale is None]
    rated = [head for head in summary.heads if head.scale is not None]
    rows = [["head", *(("AUROC", "F1", "false alarms on clean") if present else ("SROCC", "PLCC", "mean error"))]]
    for head in present or rated:
        found = head.metrics
        figures = (found.auroc, found.f1, found.fpr_clean) if present else (found.srocc, found.plcc, found.mae)
        rows.append([head.label, *("-" if figure is None else f"{figure:.4f}" for figure in figures)])
    sizes = ", ".join(f"{count} {name}" for name, count in summary.sizes.items())
    stream = stdout_stream(machine=False)
    stream.write(plain_table(rows))
    for head in rated if present else ():
        found = head.metrics
        named = {"SROCC": found.srocc, "PLCC": found.plcc, "mean error": found.mae}
        said = ", ".join(f"{name} {value:.4f}" for name, value in named.items() if value is not None)
        stream.write(f"quality: {said} ({found.n} pictures)\n")
    stream.write(f"measured on the test part ({sizes}; no scene is in two parts)\n")
    stream.write(f"wrote {out / 'backbone'} and {out / 'heads'}: dheads predict --backbone {shlex.quote(str(out))}\n")
