"""Video answers -> dicts for JSON, and rows of CSV. The keys are stable."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any, TextIO

from distortion_heads.answers import Prediction
from distortion_heads.errors import DheadsError
from distortion_heads.reports.pictures import csv_path, csv_text
from distortion_heads.video.answers import Event, FrameResult, Segment, VideoHead, VideoPrediction

FRAME_COLUMNS = ("path", "frame", "time", "width", "height", "windows", "backbone", "error")


def video_to_dict(prediction: VideoPrediction) -> dict[str, Any]:
    """The object of one video: `kind` is "video"; times in seconds, 3 digits; probabilities 6 digits, severities 2.

    There only where they say something: `error` (what could not be read, from when on), `dropped` (frames left out),
    `fast` (windows left out).
    """
    result = {
        "path": prediction.path,
        "kind": "video",
        "width": prediction.width,
        "height": prediction.height,
        "frame_rate": None if prediction.frame_rate is None else round(prediction.frame_rate, 3),
        "start": _time(prediction.start),
        "end": _time(prediction.end),
        "frames": prediction.frames,
        "windows": prediction.windows,
        "backbone": prediction.backbone,
        "heads": [_head_to_dict(head) for head in prediction.heads],
    }
    if prediction.fast:
        result["fast"] = True
    if prediction.dropped:
        result["dropped"] = prediction.dropped
    if prediction.error is not None:
        result["error"] = prediction.error
    return result


def _head_to_dict(head: VideoHead) -> dict[str, Any]:
    return {
        "label": head.label,
        "family": head.family,
        "probability": round(head.probability, 6),
        "threshold": round(head.threshold, 6),
        "present": head.present,
        "severity": _severity(head.severity),
        "share": round(head.share, 6),
        "peak": round(head.peak, 6),
        "peak_time": _time(head.peak_time),
        "segments": [segment_to_dict(segment) for segment in head.segments],
    }


def segment_to_dict(segment: Segment) -> dict[str, Any]:
    return {
        "onset": _time(segment.onset),
        "offset": _time(segment.offset),
        "probability": round(segment.probability, 6),
        "severity": _severity(segment.severity),
        "peak": round(segment.peak, 6),
        "peak_time": _time(segment.peak_time),
    }


def event_to_dict(path: str | None, event: Event) -> dict[str, Any]:
    """The object of an event, `kind` "onset" or "offset"; that of an onset has no offset yet."""
    segment = segment_to_dict(event.segment)
    if event.kind == "onset":
        del segment["offset"]
    return {"path": path, "kind": event.kind, "label": event.label, "family": event.family, **segment}


def frame_to_dict(path: str | None, result: FrameResult) -> dict[str, Any]:
    """The object of one frame: probabilities, and the severities of the heads that tell, by label."""
    heads = result.prediction.heads
    return {
        "path": path,
        "frame": result.index,
        "time": _time(result.time),
        "probability": {head.label: round(head.probability, 6) for head in heads},
        "severity": {head.label: round(head.severity, 2) for head in heads if head.severity is not None},
    }


class FrameCsv:
    """CSV with a row per frame, and one per picture among them, whose `frame` and `time` are empty.

    The columns are `FRAME_COLUMNS`, then those that `CsvReport` writes for each head. Open `stream` with `newline=""`.
    """

    def __init__(self, stream: TextIO, labels: Sequence[str]) -> None:
        """Write the header. Raises `DheadsError` if two columns would have one name."""
        self._labels = tuple(labels)
        self._writer = csv.writer(stream)
        header = [*FRAME_COLUMNS, *(label + part for label in labels for part in ("", "_present", "_severity"))]
        for i, column in enumerate(header):
            if column in header[:i]:
                raise DheadsError(f"two columns of the CSV would be called {column!r}: choose heads with --heads")
        self._writer.writerow(header)

    def write_frame(self, path: str | None, result: FrameResult) -> None:
        self._write(path, result.index, _time(result.time), result.prediction)

    def write(self, prediction: Prediction) -> None:
        """Write the row of a picture."""
        self._write(prediction.path, None, None, prediction)

    def write_error(self, path: str | None, message: str) -> None:
        """Write the row of an input that failed, or failed from some time on."""
        blank = [None] * (len(FRAME_COLUMNS) - 2)
        self._writer.writerow([csv_path(path), *blank, csv_text(message), *[None] * (3 * len(self._labels))])

    def _write(self, path: str | None, frame: int | None, time: float | None, prediction: Prediction) -> None:
        row: list[Any] = [csv_path(path), frame, time, prediction.width, prediction.height, prediction.windows]
        row += [prediction.backbone, None]
        results = {head.label: head for head in prediction.heads}
        for head in map(results.get, self._labels):  # temporal heads have no answer for a picture
            row += (
                [None] * 3
                if head is None
                else [round(head.probability, 6), str(head.present).lower(), _severity(head.severity)]
            )
        self._writer.writerow(row)


def _time(seconds: float) -> float:
    return round(float(seconds), 3)


def _severity(value: float | None) -> float | None:
    return None if value is None else round(float(value), 2)
