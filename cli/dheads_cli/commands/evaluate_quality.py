"""The task "quality" of `dheads evaluate`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dheads_cli.output.console import plain_table, stdout_stream
from dheads_cli.output.progress import progress_bar
from dheads_cli.session import Session, needs_train_extra
from distortion_heads._system.threads import usable_cores

if TYPE_CHECKING:
    from distortion_heads.metrics.scorers import Scorer


@dataclass(frozen=True, kw_only=True)
class QualityRequest:
    """One call: the datasets, the kind of the first, names of scorers (None: all), the folder of the report."""

    datasets: Sequence[Path]
    kind: str | None
    scorers: str | None
    out: Path
    device: str


def evaluate_quality(session: Session, request: QualityRequest) -> None:
    """Compare scores with people's ratings, write the report and print its tables."""
    registry = session.checked_registry()
    with needs_train_extra("dheads evaluate"), progress_bar(ticking=True) as bar:
        from distortion_heads.datasets.load import load_corpus
        from distortion_heads.evaluation.ratings.brisque import NAME
        from distortion_heads.evaluation.ratings.evaluate import RatingsOptions, evaluate_ratings
        from distortion_heads.evaluation.ratings.result import cross_table, table_rows
        from distortion_heads.metrics.scorers import find_scorers, of_heads
        from distortion_heads.pipeline import Predictor

        heads = of_heads(Predictor(registry=registry, device=request.device, threads=1))
        scorers, brisque = (*heads, *find_scorers(None)), True
        if request.scorers is not None:
            names = [word.strip() for word in request.scorers.split(",") if word.strip()]
            scorers, brisque = _chosen([name for name in names if name != NAME], heads), NAME in names
        kinds = [request.kind, *[None] * (len(request.datasets) - 1)]
        result = evaluate_ratings(
            [load_corpus(folder, kind) for folder, kind in zip(request.datasets, kinds, strict=True)],
            RatingsOptions(
                out=request.out, scorers=scorers, brisque=brisque, threads=usable_cores(), command=_command(request)
            ),
            lambda stage, done, total: bar.show(done, total, stage, f"{done} of {total}"),
        )
    shown = []
    for dataset in result.datasets:
        for note in dataset.notes:
            session.warn(note)
        shown.append(f"{dataset.folder}: {dataset.pictures} rated pictures of {dataset.scenes} scenes\n")
        shown.append(plain_table(table_rows(dataset)))
    if result.cross:
        shown.append(plain_table([list(row) for row in cross_table(result)]))
    stdout_stream(machine=False).write("\n".join([*shown, f"report: {request.out / 'report.md'}\n"]))


def _chosen(names: Sequence[str], heads: Sequence[Scorer]) -> tuple[Scorer, ...]:
    from distortion_heads.metrics.scorers import find_scorers

    labels = {scorer.name for scorer in heads}
    mine = tuple(scorer for scorer in heads if scorer.name in names)
    return (*mine, *find_scorers(name for name in names if name not in labels))


def _command(request: QualityRequest) -> str:
    """Return the options that decide the figures; of paths only the last part."""
    first, *others = (folder.resolve().name for folder in request.datasets)
    words = ["dheads", "evaluate", first, "--task", "quality"]
    for other in others:
        words += ["--also", other]
    for name in ("kind", "scorers"):
        if (value := getattr(request, name)) is not None:
            words += [f"--{name}", value]
    return shlex.join(words)
