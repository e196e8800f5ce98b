"""The table at the end of a training: a row per head that was written, with what was measured of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dheads_cli.output.cards import figure, share
from dheads_cli.output.console import plain_table

if TYPE_CHECKING:
    from distortion_heads.heads.head import HeadFile


def figures_table(heads: Iterable[HeadFile], first: str) -> str:
    """Return label, AUROC, F1 and false alarms on clean pictures of heads; `first` is the heading of the labels."""
    rows = [
        [head.label, figure(head.metrics.auroc), figure(head.metrics.f1), share(head.metrics.fpr_clean)]
        for head in heads
    ]
    return plain_table([[first, "AUROC", "F1", "false alarms on clean"], *rows])


def trained_table(folder: Path) -> str:
    """Return label, AUROC, F1, false alarms on clean pictures and number of pictures of the heads in `folder`."""
    from distortion_heads.errors import DheadsError
    from distortion_heads.heads.file import read_metadata

    rows = [["head", "AUROC", "F1", "false alarms on clean", "measured on"]]
    for file in sorted(folder.glob("*.safetensors")):
        try:
            metrics = read_metadata(file).metrics
        except DheadsError:  # of an earlier run; whoever uses it is told
            continue
        figures = (metrics.auroc, metrics.f1, metrics.fpr_clean) if metrics else (None,) * 3
        cells = ["-" if figure is None else f"{figure:.4f}" for figure in figures]
        rows.append([file.stem, *cells, f"{metrics.n} pictures" if metrics else "-"])
    return plain_table(rows) if len(rows) > 1 else ""
