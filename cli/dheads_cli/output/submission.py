"""`dheads predict --submission`, the old spelling of `dheads submission2020`, beside what is printed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import click

from dheads_cli.output.console import complain
from dheads_cli.output.sinks import Sink

if TYPE_CHECKING:
    from distortion_heads.io.inputs import Input
    from distortion_heads.video.answers import Event, FrameResult, VideoPrediction

PLUGIN = "dheads_icip2020"
"""Looked for at run time: the command line imports no plugin."""


def check_submission(
    ctx: click.Context, file: str, inputs: Sequence[Input], wanted: Sequence[bool], labels: Sequence[str]
) -> None:
    """Raise `click.UsageError` if --submission does not fit the inputs (`wanted`: the videos) or the heads."""
    answers, commands = (import_module(f"{PLUGIN}.{name}") for name in ("answers", "commands"))
    if missing := [label for label in answers.LABELS if label not in labels]:
        raise click.UsageError(f"--submission needs the heads {', '.join(answers.LABELS)}: without {missing[0]}", ctx)
    for item, is_video in zip(inputs, wanted, strict=True):
        if item.error is not None or not is_video:
            said = item.error or "a picture"
            raise click.UsageError(f"--submission needs videos alone, all of them: {item.path}: {said}", ctx)
    commands.check_folder(file)


class Submission(Sink):
    """Passes everything on to `sink`, remembers what is present in each video, and writes that at the end."""

    def __init__(self, file: str, sink: Sink) -> None:
        self._file, self._sink = file, sink
        self._answers: dict[str, tuple[str, ...]] = {}
        self._frames = 0
        self._started = time.perf_counter()

    def frame(self, path: str, result: FrameResult) -> None:
        self._frames += 1
        self._sink.frame(path, result)

    def event(self, path: str, event: Event) -> None:
        self._sink.event(path, event)

    def video(self, path: str, prediction: VideoPrediction) -> None:
        self._answers[path] = tuple(head.label for head in prediction.present)
        self._sink.video(path, prediction)

    def error(self, path: str, reason: str) -> None:
        """A video that cannot be read has an empty line: lines have numbers alone."""
        self._answers[path] = ()
        self._sink.error(path, reason)

    def close(self) -> None:
        self._sink.close()
        write = import_module(f"{PLUGIN}.commands").write_answers
        complain(f"note: {write(self._file, self._answers, self._frames, time.perf_counter() - self._started)}")
