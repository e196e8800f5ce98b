"""`dheads train --clips`: fit the heads that need successive frames."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from dheads_cli.backbones import chosen_backbone
from dheads_cli.output.console import stdout_stream
from dheads_cli.output.progress import progress_bar
from dheads_cli.output.trained_table import figures_table
from dheads_cli.session import needs_train_extra, session_of


def train_on_clips(
    ctx: click.Context,
    clips: Path,
    images: Path,
    out: Path,
    seed: int,
    licenses: tuple[str, ...],
    head_license: str,
    backbone: str | None,
) -> None:
    """Fit the attached heads of the view "temporal"; write `out/heads`, and what was measured."""
    spec, _ = chosen_backbone(session_of(ctx), backbone)
    with needs_train_extra("train"), progress_bar(ticking=True) as bar:
        from distortion_heads._system.locks import only_writer
        from distortion_heads.backbones.open import bundled_backbone, open_backbone
        from distortion_heads.training.runs.from_clips import TemporalOptions, train_temporal, videos_in

        options = TemporalOptions(
            images=images,
            out=out,
            footage=videos_in(clips),
            seed=seed,
            licenses=licenses,
            head_license=head_license,
            command=_command(clips, images, seed, licenses),
            report=lambda stage, done, total: bar.show(done, total, stage),
        )
        specs = [head.spec for head in session_of(ctx).checked_registry().heads.values()]
        with only_writer(out, "dheads train"):
            heads = train_temporal(options, specs, open_backbone(spec or bundled_backbone(), threads=1))
    stdout_stream(machine=False).write(f"{figures_table(heads, 'label')}wrote {out / 'heads'}\n")


def _command(clips: Path, images: Path, seed: int, licenses: tuple[str, ...]) -> str:
    """Return what decides the weights; paths by their last part, for the files are given to others."""
    words = ["dheads", "train", "--clips", clips.resolve().name, "--images", images.resolve().name, "--seed", str(seed)]
    return shlex.join([*words, *(word for text in licenses for word in ("--license", text))])
