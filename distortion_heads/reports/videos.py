"""Answers for videos as dicts for JSON, and rows of CSV. The keys are stable."""

from __future__ import annotations

from typing import Any

from distortion_heads.answers import Prediction
from distortion_heads.reports.pictures import HeadsCsv, family_to_dict, head_to_dict, kinds_to_list, severity_cell
from distortion_heads.reports.qualities import quality_cells, video_quality_keys
from distortion_heads.video.answers import Event, FrameResult, Segment, VideoFamily, VideoHead, VideoPrediction

FRAME_COLUMNS = ("path", "frame", "time", "width", "height", "windows", "backbone", "error")


def video_to_dict(prediction: VideoPrediction) -> dict[str, Any]:
    """Return the object of one video, whose `kind` is "video"; times in seconds to 3 digits, probabilities to 6.

    There only where they say something: `error` (what could not be read, from when on), `dropped` (frames left out),
    `fast` (windows left out), `unfamiliar`, `area`, `notes`.
    """
    result: dict[str, Any] = {
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
        "families": [_family_to_dict(family) for family in prediction.families],
        **video_quality_keys(prediction.qualities),
        "heads": [_head_to_dict(head) for head in prediction.heads],
    }
    if prediction.fast:
        result["fast"] = True
    if prediction.reason is not None:
        result |= {"judged": False, "reason": prediction.reason}
    if prediction.unfamiliar:
        result["unfamiliar"] = True
    if prediction.dropped:
        result["dropped"] = prediction.dropped
    if prediction.area is not None:
        result["area"] = list(prediction.area)
    if prediction.notes:
        result["notes"] = list(prediction.notes)
    if prediction.error is not None:
        result["error"] = prediction.error
    return result


def _family_to_dict(family: VideoFamily) -> dict[str, Any]:
    segments = [{**segment_to_dict(s), "kinds": kinds_to_list(s.kinds)} for s in family.segments]
    return {**family_to_dict(family), **_over_time(family), "segments": segments}


def _head_to_dict(head: VideoHead) -> dict[str, Any]:
    segments = [segment_to_dict(segment) for segment in head.segments]
    return {**head_to_dict(head), **_over_time(head), "segments": segments}


def _over_time(answer: VideoHead | VideoFamily) -> dict[str, Any]:
    return {
        "share": round(answer.share, 6),
        "peak": round(answer.peak, 6),
        "peak_time": _time(answer.peak_time),
    }


def segment_to_dict(segment: Segment) -> dict[str, Any]:
    """Return the object of a segment."""
    return {
        "onset": _time(segment.onset),
        "offset": _time(segment.offset),
        "probability": round(segment.probability, 6),
        "severity": severity_cell(segment.severity),
        "peak": round(segment.peak, 6),
        "peak_time": _time(segment.peak_time),
    }


def event_to_dict(path: str | None, event: Event) -> dict[str, Any]:
    """Return the object of an event, `kind` "onset", "offset" or "withdrawn"; that of an onset has no offset yet."""
    segment = segment_to_dict(event.segment)
    if event.kind == "onset":
        del segment["offset"]
    return {"path": path, "kind": event.kind, "label": event.label, "family": event.family, **segment}


def frame_to_dict(path: str | None, result: FrameResult) -> dict[str, Any]:
    """Return the object of one frame: probabilities and, where there is one, severities by label."""
    heads = result.prediction.heads
    return {
        "path": path,
        "frame": result.index,
        "time": _time(result.time),
        "probability": {head.label: round(head.probability, 6) for head in heads},
        "severity": {head.label: round(head.severity, 2) for head in heads if head.severity is not None},
        **({"quality": quality_cells(result.prediction.qualities)} if result.prediction.qualities else {}),
    }


class FrameCsv(HeadsCsv):
    """CSV with a row per frame, and one per picture among them, whose `frame` and `time` are empty.

    The columns are `FRAME_COLUMNS`, then those of `HeadsCsv`; temporal heads have no answer for a picture. What is to
    be said of a whole video has a row without `frame` (`write_error`).
    """

    columns = FRAME_COLUMNS

    def write_frame(self, path: str | None, result: FrameResult) -> None:
        """Write the row of a frame."""
        self._write_row(path, result.index, _time(result.time), result.prediction)

    def write(self, prediction: Prediction) -> None:
        """Write the row of a picture."""
        self._write_row(prediction.path, None, None, prediction)

    def _write_row(self, path: str | None, frame: int | None, time: float | None, prediction: Prediction) -> None:
        size = (prediction.width, prediction.height, prediction.windows, prediction.backbone)
        self._write(path, (frame, time, *size), prediction)


def _time(seconds: float) -> float:
    return round(float(seconds), 3)
