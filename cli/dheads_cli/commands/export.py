"""`dheads export`."""

from __future__ import annotations

from pathlib import Path

import click

from dheads_cli.output.console import stdout_stream
from dheads_cli.session import needs_train_extra, session_of


@click.command()
@click.argument("backbone", metavar="NAME")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The folder for NAME.safetensors and .onnx."
)
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
    backbone: str,
    out: Path,
    weights: str | None,
    recipe: str,
    side: int | None,
    stride: int | None,
) -> None:
    """Write a backbone's weights and its ONNX graph, from which it predicts without torch.

    NAME is a model of torchvision, such as densenet169, or the backbone of a plugin that brings its network.
    """
    registry = session_of(ctx).checked_registry()
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
