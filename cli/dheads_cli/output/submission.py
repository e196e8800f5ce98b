"""`dheads predict --submission`: beside what is printed, the answers in the format of the ICIP 2020 challenge."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from dheads_cli.output.console import complain
from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DheadsError

if TYPE_CHECKING:
    from dheads_cli.commands.predict_videos import VideoRequest
    from dheads_cli.output.pictures import Sink
    from dheads_cli.output.videos import VideoSink
    from distortion_heads.answers import Prediction
    from distortion_heads.io.inputs import Input
    from distortion_heads.video.answers import Event, FrameResult, VideoPrediction


def submission_of(
    ctx: click.Context, file: str | None, request: VideoRequest, inputs: Sequence[Input], labels: Sequence[str]
) -> Submission | None:
    """What --submission asks for, or None. Raises `click.UsageError` if that cannot be given."""
    if file is None:
        return None
    from distortion_heads.reports.icip2020 import LABELS

    if missing := [label for label in LABELS if label not in labels]:
        raise click.UsageError(f"--submission needs the heads {', '.join(LABELS)}: without {missing[0]}", ctx)
    for item in inputs:
        if item.error is not None or not request.wants(item):
            reason = item.error or "a picture"
            raise click.UsageError(f"--submission needs videos alone, all of them: {item.path}: {reason}", ctx)
    if not os.access(Path(file).absolute().parent, os.W_OK):  # before the videos are read, which may take hours
        raise click.UsageError(f"--submission {file} cannot be written: choose a folder that is there", ctx)
    return Submission(file)


class Submission:
    """Passes everything on to `sink`, remembers what is present in each video, and writes that at the end."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._answers: dict[str, tuple[str, ...]] = {}
        self._frames = 0
        self._started = time.perf_counter()

    def beside(self, sink: Sink) -> Sink:
        self._sink = cast("VideoSink", sink)
        self._started = time.perf_counter()
        return self

    def frame(self, path: str, result: FrameResult) -> None:
        self._frames += 1
        self._sink.frame(path, result)

    def event(self, path: str, event: Event) -> None:
        self._sink.event(path, event)

    def video(self, path: str, prediction: VideoPrediction) -> None:
        self._answers[path] = tuple(head.label for head in prediction.present)
        self._sink.video(path, prediction)

    def prediction(self, prediction: Prediction) -> None:
        self._sink.prediction(prediction)

    def error(self, path: str, reason: str) -> None:
        """A video that cannot be read has an empty line: the lines are told by their number alone."""
        self._answers[path] = ()
        self._sink.error(path, reason)

    def close(self) -> None:
        from distortion_heads._system.atomic import write_atomic
        from distortion_heads.reports.icip2020 import format_answers, natural_key

        self._sink.close()
        seconds = time.perf_counter() - self._started
        paths = sorted(self._answers, key=natural_key)
        try:
            write_atomic(Path(self._file), format_answers(self._answers[path] for path in paths).encode())
        except OSError as error:
            raise DheadsError(f"cannot write to {self._file}: {reason(error)}") from None
        each = f", {seconds / self._frames:.4f} s a frame" if self._frames else ""
        complain(f"note: {self._file}: {len(paths)} videos in natural order of their paths{each}")
