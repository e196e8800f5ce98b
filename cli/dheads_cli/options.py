"""Options that several commands have."""

from __future__ import annotations

import click

RAY, RAY_ADDRESS = "ray", "ray://"

MAX_PIXELS = click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    metavar="N",
    help="Refuse pictures of more pixels than this (default: 250 million; of frames 67 million).",
)

PROFILE = click.option(
    "--profile",
    metavar="NAME",
    help="Use thresholds of your own (`dheads calibrate`): a name, or a .json file; none: those of the heads.",
)


def split_labels(heads: str | None) -> list[str] | None:
    """Return the labels that `--heads` lists, separated by commas; None where it was not given."""
    if heads is None:
        return None
    labels = [label.strip() for label in heads.split(",") if label.strip()]
    if not labels:
        raise click.BadParameter("names no head", param_hint="--heads")
    return labels


def ray_address(ctx: click.Context, on: str) -> str | None:
    """Return the address of the cluster that --on names, None for a new one here. Raises `click.UsageError`."""
    if on == RAY:
        return None
    if not on.startswith(RAY_ADDRESS):
        raise click.UsageError(f"--on {on}: give ray, or the address of a cluster, ray://HOST:PORT", ctx)
    return on
