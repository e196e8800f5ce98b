"""What `predict` writes about videos: beside each of its formats, one that knows frames, events and videos too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TextIO, cast

from dheads_cli.output.console import ResultStream, printable
from dheads_cli.output.pictures import JsonSink, PlainSink, Sink, complain_about
from distortion_heads.answers import Prediction
from distortion_heads.io.video.sampling import time_text
from distortion_heads.reports.pictures import to_json_line
from distortion_heads.reports.videos import FrameCsv, event_to_dict, video_to_dict
from distortion_heads.video.answers import Event, FrameResult, Segment, VideoHead, VideoPrediction


class VideoSink(Sink, Protocol):
    """Where the results of pictures and videos go."""

    def frame(self, path: str, result: FrameResult) -> None: ...

    def event(self, path: str, event: Event) -> None: ...

    def video(self, path: str, prediction: VideoPrediction) -> None: ...


class VideoJsonSink(JsonSink):
    """One object per event and, at the end of a video, one for it."""

    def frame(self, path: str, result: FrameResult) -> None:
        pass

    def event(self, path: str, event: Event) -> None:
        self._stream.write(f"{to_json_line(event_to_dict(path, event))}\n")

    def video(self, path: str, prediction: VideoPrediction) -> None:
        self._stream.write(f"{to_json_line({**video_to_dict(prediction), 'path': path})}\n")


class VideoCsvSink:
    """One row per frame, and one per picture."""

    def __init__(self, stream: ResultStream, labels: Sequence[str]) -> None:
        self._report = FrameCsv(cast(TextIO, stream), labels)

    def frame(self, path: str, result: FrameResult) -> None:
        self._report.write_frame(path, result)

    def event(self, path: str, event: Event) -> None:
        pass

    def video(self, path: str, prediction: VideoPrediction) -> None:
        if prediction.error is not None:
            self.error(path, prediction.error)

    def prediction(self, prediction: Prediction) -> None:
        self._report.write(prediction)

    def error(self, path: str, reason: str) -> None:
        self._report.write_error(path, reason)
        complain_about(path, reason)

    def close(self) -> None:
        pass


class VideoPlainSink(PlainSink):
    """As for pictures, then `share S` and `segments ONSET-OFFSET,...`, both in seconds; a line per event."""

    def frame(self, path: str, result: FrameResult) -> None:
        pass

    def event(self, path: str, event: Event) -> None:
        self._stream.write(f"{printable(path).ljust(self._path_width)}  {event_text(event, self._label_width)}\n")

    def video(self, path: str, prediction: VideoPrediction) -> None:
        name = printable(path).ljust(self._path_width)
        lines = [f"{name}  {self._line(head)}\n" for head in shown_video_heads(prediction, self._show_all)]
        self._stream.write("".join(lines) or f"{name}  clean\n")
        if prediction.error is not None:
            complain_about(path, prediction.error)

    def _line(self, head: VideoHead) -> str:
        parts = [head.label.ljust(self._label_width), f"{head.probability:.2f}"]
        if head.severity is not None and (head.present or head.segments):
            parts.append(f"severity {head.severity:.1f}")
        else:
            parts.append("present" if head.present else "absent")
        parts.append(f"share {head.share:.2f}")
        if head.segments:
            spans = ",".join(f"{segment.onset:.2f}-{segment.offset:.2f}" for segment in head.segments)
            parts.append(f"segments {spans}")
        return "  ".join(parts)


def shown_video_heads(prediction: VideoPrediction, show_all: bool) -> tuple[VideoHead, ...]:
    """The heads that are present or have a segment; with `show_all` then the others."""
    shown = prediction.relevant
    if not show_all:
        return shown
    rest = [head for head in prediction.heads if head not in shown]
    return (*shown, *sorted(rest, key=lambda head: -head.probability))


def event_text(event: Event, label_width: int) -> str:
    """`0:05.0  jpeg  begins`, or `0:09.3  jpeg  ends: 0:05.0 to 0:09.3, peak 0.71, severity 3.9`."""
    segment = event.segment
    label = event.label.ljust(label_width)
    if event.kind == "onset":
        return f"{time_text(segment.onset)}  {label}  begins"
    return (
        f"{time_text(segment.offset)}  {label}  ends: {span_text(segment)}, peak {segment.peak:.2f}{_severity(segment)}"
    )


def span_text(segment: Segment) -> str:
    return f"{time_text(segment.onset)} to {time_text(segment.offset)}"


def _severity(segment: Segment) -> str:
    return "" if segment.severity is None else f", severity {segment.severity:.1f}"
