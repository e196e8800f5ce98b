"""Answers in another order than that of the inputs, once all are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import TYPE_CHECKING

import click

from dheads_cli.output.console import complain
from dheads_cli.output.extra_sinks import Beside
from dheads_cli.output.sinks import Sink

if TYPE_CHECKING:
    from distortion_heads.answers import Prediction, QualityResult
    from distortion_heads.video.answers import VideoPrediction


def check_qualities(ctx: click.Context, labels: Sequence[str], sort: str | None) -> None:
    """Refuse to sort without a head of quality; of several say which is meant where one is. Raises `UsageError`."""
    if sort is not None and not labels:
        raise click.UsageError("--sort quality wants a head that says how good a picture is: see --heads", ctx)
    if len(labels) > 1:
        named = f"{', '.join(labels[:-1])} and {labels[-1]}"
        complain(f"note: {named} all tell the quality: where one is wanted it is {labels[0]}; choose with --heads")


class WorstFirst(Beside):
    """Holds the answers back until the end; then those of the lowest quality come first, those without one last."""

    def __init__(self, sink: Sink) -> None:
        super().__init__(sink)
        self._held: list[tuple[float, Callable[[], None]]] = []

    def prediction(self, prediction: Prediction) -> None:
        self._hold(prediction.qualities, partial(super().prediction, prediction))

    def video(self, path: str, prediction: VideoPrediction) -> None:
        self._hold(prediction.qualities, partial(super().video, path, prediction))

    def close(self) -> None:
        for _, write in sorted(self._held, key=lambda pair: pair[0]):
            write()
        super().close()

    def _hold(self, qualities: Sequence[QualityResult], write: Callable[[], None]) -> None:
        self._held.append((qualities[0].value if qualities else inf, write))
