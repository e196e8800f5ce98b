"""The formats of `predict`: JSON lines, CSV, plain text. Each takes pictures and videos; the table is in `table`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO, cast

from dheads_cli.output.console import ResultStream, complain, printable
from distortion_heads.reports.pictures import CsvReport, error_to_dict, prediction_to_dict, to_json_line

if TYPE_CHECKING:
    from distortion_heads.answers import HeadResult, Prediction
    from distortion_heads.video.answers import Event, FrameResult, Segment, VideoHead, VideoPrediction

MAX_PATH_COLUMN = 60


class Sink:
    """Takes the results of the inputs, one after the other; this one writes errors to stderr and nothing else."""

    def prediction(self, prediction: Prediction) -> None:
        """Take the answer for a picture."""

    def frame(self, path: str, result: FrameResult) -> None:
        """Take the answer for a frame of a video."""

    def event(self, path: str, event: Event) -> None:
        """Take the beginning or end of a segment, as it happens."""

    def video(self, path: str, prediction: VideoPrediction) -> None:
        """Take the answer for a whole video."""

    def error(self, path: str, reason: str) -> None:
        """Take the reason why an input has no answer."""
        complain(f"error: {path}: {reason}")

    def close(self) -> None:
        """Write what comes last."""


class JsonSink(Sink):
    """One object per picture, event and video; errors among them."""

    def __init__(self, stream: ResultStream) -> None:
        self._stream = stream

    def prediction(self, prediction: Prediction) -> None:
        self._write(prediction_to_dict(prediction))

    def event(self, path: str, event: Event) -> None:
        from distortion_heads.reports.videos import event_to_dict

        self._write(event_to_dict(path, event))

    def video(self, path: str, prediction: VideoPrediction) -> None:
        from distortion_heads.reports.videos import video_to_dict

        self._write({**video_to_dict(prediction), "path": path})

    def error(self, path: str, reason: str) -> None:
        self._write(error_to_dict(path, reason))

    def _write(self, value: dict[str, object]) -> None:
        self._stream.write(f"{to_json_line(value)}\n")


class CsvSink(Sink):
    """One row per picture and, `with_frames`, one per frame of a video; errors among them and on stderr."""

    def __init__(self, stream: ResultStream, labels: Sequence[str], *, with_frames: bool) -> None:
        if with_frames:
            from distortion_heads.reports.videos import FrameCsv

            self._report: CsvReport | FrameCsv = FrameCsv(cast(TextIO, stream), labels)
        else:
            self._report = CsvReport(cast(TextIO, stream), labels)

    def prediction(self, prediction: Prediction) -> None:
        self._report.write(prediction)

    def frame(self, path: str, result: FrameResult) -> None:
        if not isinstance(self._report, CsvReport):
            self._report.write_frame(path, result)

    def video(self, path: str, prediction: VideoPrediction) -> None:
        if prediction.error is not None:
            self.error(path, prediction.error)

    def error(self, path: str, reason: str) -> None:
        self._report.write_error(path, reason)
        super().error(path, reason)


class PlainSink(Sink):
    """A line per input and distortion, `PATH  LABEL  PROBABILITY  severity S`, or `PATH  clean`; errors on stderr.

    For a video then `share S` and `segments ONSET-OFFSET,...`, both in seconds; a line per event.
    """

    def __init__(self, stream: ResultStream, labels: Sequence[str], paths: Sequence[str], show_all: bool) -> None:
        self._stream, self._show_all = stream, show_all
        self._path_width = min(max((len(printable(path)) for path in paths), default=0), MAX_PATH_COLUMN)
        self._label_width = max(map(len, labels))

    def prediction(self, prediction: Prediction) -> None:
        self._write(prediction.path or "-", [self._answer(head) for head in shown_heads(prediction, self._show_all)])

    def event(self, path: str, event: Event) -> None:
        self._write(path, [event_text(event, self._label_width)])

    def video(self, path: str, prediction: VideoPrediction) -> None:
        self._write(path, [self._video_answer(head) for head in shown_video_heads(prediction, self._show_all)])
        if prediction.error is not None:
            self.error(path, prediction.error)

    def _write(self, path: str, answers: Sequence[str]) -> None:
        name = printable(path).ljust(self._path_width)
        self._stream.write("".join(f"{name}  {answer}\n" for answer in answers or ["clean"]))

    def _answer(self, head: HeadResult) -> str:
        return self._words(head, head.severity if head.present else None)

    def _video_answer(self, head: VideoHead) -> str:
        words = self._words(head, head.severity if head.present or head.segments else None)
        spans = ",".join(f"{segment.onset:.2f}-{segment.offset:.2f}" for segment in head.segments)
        return f"{words}  share {head.share:.2f}" + (f"  segments {spans}" if spans else "")

    def _words(self, head: HeadResult | VideoHead, severity: float | None) -> str:
        verdict = "present" if head.present else "absent"
        if severity is not None:
            verdict = f"severity {severity:.1f}"
        return f"{head.label.ljust(self._label_width)}  {head.probability:.2f}  {verdict}"


def shown_heads(prediction: Prediction, show_all: bool) -> tuple[HeadResult, ...]:
    """Return the heads above their thresholds; with `show_all` then the others. Most probable first."""
    absent = sorted((head for head in prediction.heads if not head.present), key=lambda head: -head.probability)
    return (*prediction.present, *absent) if show_all else prediction.present


def shown_video_heads(prediction: VideoPrediction, show_all: bool) -> tuple[VideoHead, ...]:
    """Return the heads that are present or have a segment; with `show_all` then the others."""
    shown = prediction.relevant
    rest = [head for head in prediction.heads if head not in shown] if show_all else []
    return (*shown, *sorted(rest, key=lambda head: -head.probability))


def event_text(event: Event, label_width: int) -> str:
    """Return `0:05.0  jpeg  begins`, or `0:09.3  jpeg  ends: 0:05.0 to 0:09.3, peak 0.71, severity 3.9`."""
    from distortion_heads.io.video.sampling import time_text

    segment = event.segment
    label = event.label.ljust(label_width)
    if event.kind == "onset":
        return f"{time_text(segment.onset)}  {label}  begins"
    span = f"{time_text(segment.onset)} to {time_text(segment.offset)}"
    return f"{time_text(segment.offset)}  {label}  ends: {span}, peak {segment.peak:.2f}{_severity(segment)}"


def _severity(segment: Segment) -> str:
    return "" if segment.severity is None else f", severity {segment.severity:.1f}"
