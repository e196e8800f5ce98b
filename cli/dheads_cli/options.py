"""Options that several commands have."""

from __future__ import annotations

import click

MAX_PIXELS = click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    metavar="N",
    help="Refuse pictures of more pixels than this (default: 250 million; of frames 67 million).",
)
