"""`dheads export`."""

from __future__ import annotations

from pathlib import Path

import click

from dheads_cli.backbones import chosen_backbone
from dheads_cli.options import split_labels
from dheads_cli.output.cards import kibibytes
from dheads_cli.output.console import stdout_stream
from dheads_cli.session import Session, needs_train_extra, session_of

PATCH_OPTIONS = ("weights", "recipe", "side", "stride")
"""Options that go with --out alone."""


@click.command()
@click.argument("backbone", metavar="[NAME]", required=False)
@click.option("--out", type=click.Path(path_type=Path), help="The folder for NAME.safetensors and .onnx.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write backbone and heads as this one ONNX file instead, for ONNX Runtime without dheads.",
)
@click.option("--heads", metavar="A,B", help="With --bundle: these heads or families only (default: all).")
@click.option("--weights", metavar="WHICH", help="imagenet, none, or a file .safetensors or .pth.")
@click.option(
    "--recipe",
    type=click.Choice(["dheads", "ameur"]),
    default="dheads",
    show_default=True,
    help="What becomes of the last feature maps: mean and deviation, or 2 x 2 max-pooling.",
)
@click.option("--side", type=click.IntRange(min=32), help="Side of the patches in pixels.")
@click.option("--stride", type=click.IntRange(min=1), help="Stride of the patches in pixels.")
@click.pass_context
def export(
    ctx: click.Context,
    backbone: str | None,
    out: Path | None,
    bundle: Path | None,
    heads: str | None,
    weights: str | None,
    recipe: str,
    side: int | None,
    stride: int | None,
) -> None:
    """Write a backbone's weights and its ONNX graph, or backbone and heads as one ONNX file.

    With --out, NAME is a model of torchvision, such as densenet169, or the backbone of a plugin that brings its
    network; what is written predicts without torch. With --bundle, NAME is a folder that `dheads train` wrote or a
    plugin's backbone (default: the one that ships), and the file answers without dheads.
    """
    if (out is None) == (bundle is None):
        raise click.UsageError("give either --out DIR or --bundle FILE", ctx)
    session = session_of(ctx)
    if bundle is not None:
        if any(ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE for name in PATCH_OPTIONS):
            raise click.UsageError("--weights, --recipe, --side and --stride go with --out", ctx)
        _write_bundle(session, backbone, bundle, split_labels(heads))
        return
    if backbone is None or out is None:
        raise click.UsageError("--out wants the NAME of a backbone", ctx)
    if heads is not None:
        raise click.UsageError("--heads goes with --bundle", ctx)
    registry = session.checked_registry()
    with needs_train_extra("export"):
        from distortion_heads.training.networks.open_trainable import open_trainable
        from distortion_heads.training.networks.recipes import recipe_for
        from distortion_heads.training.runs.job import versions
        from distortion_heads.training.runs.write_backbone import write_backbone

        network = open_trainable(backbone, weights, recipe_for(recipe, side=side, stride=stride), registry)
        source = Path(weights).name if weights else "its own"
        spec = write_backbone(network, out, {"weights": source, "versions": versions()})
    stdout_stream(machine=False).write(
        f"wrote {spec.weights} and {spec.graph}: {network.ref}, {network.dim} features\n"
    )


def _write_bundle(session: Session, name: str | None, file: Path, labels: list[str] | None) -> None:
    from distortion_heads.backbones.open import bundled_backbone
    from distortion_heads.export.bundle import write_bundle
    from distortion_heads.pipeline import Predictor
    from distortion_heads.registry.attached import problem_lines

    spec, registry = chosen_backbone(session, name)
    predictor = Predictor(labels, registry=registry, backbone=spec)
    session.report(problem_lines(predictor.problems, name))
    size = write_bundle(file, spec or bundled_backbone(), predictor.heads, predictor.quality_heads)
    count = len(predictor.heads) + len(predictor.quality_heads)
    out = stdout_stream(machine=False)
    out.write(f"wrote {file} ({kibibytes(size)}): {count} heads of {predictor.backbone.ref}\n")
    if left_out := [head.label for head in predictor.video_heads[len(predictor.heads) :]]:
        out.write(f"left out, for they read successive frames of a video: {', '.join(left_out)}\n")
