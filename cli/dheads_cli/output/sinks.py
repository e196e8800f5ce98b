"""The formats of `predict`: JSON lines, CSV, plain text. Each takes pictures and videos; the table is in `table`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO, TypeVar, cast

from dheads_cli.output.console import ResultStream, complain, printable
from distortion_heads.answers import FamilyResult
from distortion_heads.reports.pictures import CsvReport, error_to_dict, kinds_text, prediction_to_dict, to_json_line
from distortion_heads.spec import FAMILY, QUALITY

if TYPE_CHECKING:
    from distortion_heads.answers import HeadResult, Prediction
    from distortion_heads.heads.head import HeadFile
    from distortion_heads.video.answers import (
        Event,
        FrameResult,
        Segment,
        VideoFamily,
        VideoHead,
        VideoPrediction,
        VideoQuality,
    )

MAX_PATH_COLUMN = 60
INDENT = "  "
"""Before the kinds of a family, where they are listed below it."""

_Family = TypeVar("_Family", bound=FamilyResult)
_Head = TypeVar("_Head", bound="HeadResult")
_Answer = TypeVar("_Answer", bound="FamilyResult | HeadResult")


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of the heads that answer, and of their families; `own`: those that have a head of their own.

    `qualities` are those of the heads that say how good a picture is.
    """

    families: tuple[str, ...]
    labels: tuple[str, ...]
    own: frozenset[str]
    qualities: tuple[str, ...] = ()

    @classmethod
    def of(cls, heads: Sequence[HeadFile]) -> Names:
        qualities = tuple(head.label for head in heads if head.scope == QUALITY)
        heads = [head for head in heads if head.scope != QUALITY]
        return cls(
            families=tuple(dict.fromkeys(head.family for head in heads)),
            labels=tuple(head.label for head in heads),
            own=frozenset(head.family for head in heads if head.scope == FAMILY),
            qualities=qualities,
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The families that have columns in CSV: not those after which another head is called."""
        return tuple(family for family in self.families if family in self.own or family not in self.labels)

    def width(self, show_all: bool) -> int:
        """Return the length of the longest name that is shown."""
        return max(map(len, (*self.families, *self.qualities, *(INDENT + label for label in self.labels if show_all))))

    def tells(self, event: Event) -> bool:
        """Return whether `event` is for people: a family's own head speaks for its kinds."""
        return event.label == event.family or event.family not in self.own


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

    def left_out(self, path: str, reason: str) -> None:
        """Take a picture in a folder that cannot be read here; stderr has one line for all of them."""

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

    def left_out(self, path: str, reason: str) -> None:
        self.error(path, reason)

    def _write(self, value: dict[str, object]) -> None:
        self._stream.write(f"{to_json_line(value)}\n")


class CsvSink(Sink):
    """One row per picture and, `with_frames`, one per frame of a video; errors among them and on stderr."""

    def __init__(self, stream: ResultStream, names: Names, *, with_frames: bool, header: bool = True) -> None:
        text = cast(TextIO, stream)
        if with_frames:
            from distortion_heads.reports.videos import FrameCsv

            self._report: CsvReport | FrameCsv = FrameCsv(text, names.labels, names.columns, names.qualities)
        else:
            self._report = CsvReport(text, names.labels, names.columns, names.qualities, header=header)

    def prediction(self, prediction: Prediction) -> None:
        self._report.write(prediction)

    def frame(self, path: str, result: FrameResult) -> None:
        if not isinstance(self._report, CsvReport):
            self._report.write_frame(path, result)

    def video(self, path: str, prediction: VideoPrediction) -> None:
        if prediction.error is not None or prediction.notes:
            self._report.write_error(path, prediction.error, prediction.notes)
        if prediction.error is not None:
            super().error(path, prediction.error)

    def error(self, path: str, reason: str) -> None:
        self._report.write_error(path, reason)
        super().error(path, reason)

    def left_out(self, path: str, reason: str) -> None:
        self._report.write_error(path, reason)


class PlainSink(Sink):
    """A line per input and family, `PATH  FAMILY  PROBABILITY  severity S  KIND SHARE`, or `PATH  clean`.

    Then `PATH  quality  VALUE`. Errors go to stderr. For a video then `share S` and `segments ONSET-OFFSET,...`, both
    in seconds; a line per event.
    """

    def __init__(self, stream: ResultStream, names: Names, paths: Sequence[str], show_all: bool) -> None:
        self._stream, self._names, self._show_all = stream, names, show_all
        self._path_width = min(max((len(printable(path)) for path in paths), default=0), MAX_PATH_COLUMN)
        self._name_width = names.width(show_all)

    def prediction(self, prediction: Prediction) -> None:
        path = prediction.path or "-"
        if prediction.judged:
            self._write(path, [self._answer(answer) for answer in shown(prediction, self._show_all)])
        else:
            self._write(path, [not_judged(prediction)])
        self._qualities(path, [f"{quality.value:.1f}" for quality in prediction.qualities])
        self._notes(path, prediction.remarks)

    def event(self, path: str, event: Event) -> None:
        if self._names.tells(event):
            self._write(path, [event_text(event, self._name_width)])

    def video(self, path: str, prediction: VideoPrediction) -> None:
        answers = shown_in_video(prediction, self._show_all) if prediction.reason is None else ()
        self._write(
            path, [self._video_answer(a) for a in answers] or [not_judged(prediction)] * bool(prediction.reason)
        )
        self._qualities(path, [video_quality_text(quality) for quality in prediction.qualities])
        self._notes(path, prediction.notes)
        if prediction.error is not None:
            self.error(path, prediction.error)

    def _qualities(self, path: str, texts: Sequence[str]) -> None:
        for label, text in zip(self._names.qualities, texts, strict=False):
            self._write(path, [f"{label.ljust(self._name_width)}  {text}"])

    def _notes(self, path: str, notes: Sequence[str]) -> None:
        for note in notes:
            self._write(path, [f"note: {printable(note)}"])

    def _write(self, path: str, answers: Sequence[str]) -> None:
        name = printable(path).ljust(self._path_width)
        self._stream.write("".join(f"{name}  {answer}\n" for answer in answers or ["clean"]))

    def _answer(self, answer: FamilyResult | HeadResult) -> str:
        return self._words(answer, tells=answer.present)

    def _video_answer(self, answer: VideoFamily | VideoHead) -> str:
        words = self._words(answer, tells=answer.present or bool(answer.segments))
        spans = ",".join(f"{segment.onset:.2f}-{segment.offset:.2f}" for segment in answer.segments)
        return f"{words}  share {answer.share:.2f}" + (f"  segments {spans}" if spans else "")

    def _words(self, answer: FamilyResult | HeadResult, *, tells: bool) -> str:
        verdict = "present" if answer.present else "absent"
        if tells and answer.severity is not None:
            verdict = f"severity {answer.severity:.1f}"
        kinds = kinds_text(answer.kinds, words=False) if tells and isinstance(answer, FamilyResult) else ""
        parts = [shown_name(answer).ljust(self._name_width), f"{answer.probability:.2f}", verdict, kinds]
        return "  ".join(filter(None, parts))


def shown_name(answer: FamilyResult | HeadResult) -> str:
    """Return the name of a family, or that of one of its kinds below it."""
    return answer.family if isinstance(answer, FamilyResult) else INDENT + answer.label


def video_quality_text(quality: VideoQuality) -> str:
    """Return `3.4  worst 1.9 at 0:05.0`."""
    from distortion_heads.io.video.sampling import time_text

    return f"{quality.value:.1f}  worst {quality.worst:.1f} at {time_text(quality.worst_time)}"


def not_judged(prediction: Prediction | VideoPrediction) -> str:
    """Return `too little to judge (8 x 8 pixels)`."""
    what, _, why = (prediction.reason or "not judged").partition(": ")
    return f"{what} ({why})" if why else what


def shown(prediction: Prediction, show_all: bool) -> tuple[FamilyResult | HeadResult, ...]:
    """Return the families that are there; with `show_all` all of them and their kinds. Most probable first."""
    if not show_all:
        return prediction.present_families
    return _with_kinds(prediction.present_families, prediction.families, prediction.heads)


def shown_in_video(prediction: VideoPrediction, show_all: bool) -> tuple[VideoFamily | VideoHead, ...]:
    """Return the families that are there or have a segment; with `show_all` all of them and their kinds."""
    if not show_all:
        return prediction.relevant_families
    return _with_kinds(prediction.relevant_families, prediction.families, prediction.heads)


def _with_kinds(
    first: Sequence[_Family], families: Iterable[_Family], heads: Sequence[_Head]
) -> tuple[_Family | _Head, ...]:
    found = {family.family for family in first}
    rest = _most_probable(family for family in families if family.family not in found)
    kinds = _most_probable(head for head in heads if head.scope != FAMILY)
    answers: list[_Family | _Head] = []
    for family in (*first, *rest):
        answers += [family, *(kind for kind in kinds if kind.family == family.family)]
    return tuple(answers)


def _most_probable(answers: Iterable[_Answer]) -> list[_Answer]:
    return sorted(answers, key=lambda answer: -answer.probability)


def event_text(event: Event, label_width: int) -> str:
    """Return `0:05.0  jpeg  begins`, or `0:09.3  jpeg  ends: 0:05.0 to 0:09.3, peak 0.71, severity 3.9`.

    A segment that is none after all: `0:05.0  jpeg  withdrawn: mean 0.48 to 0:09.3`.
    """
    from distortion_heads.io.video.sampling import time_text

    segment = event.segment
    label = event.label.ljust(label_width)
    if event.kind == "onset":
        return f"{time_text(segment.onset)}  {label}  begins"
    if event.kind == "withdrawn":
        mean = f"mean {segment.probability:.2f} to {time_text(segment.offset)}"
        return f"{time_text(segment.onset)}  {label}  withdrawn: {mean}"
    span = f"{time_text(segment.onset)} to {time_text(segment.offset)}"
    return f"{time_text(segment.offset)}  {label}  ends: {span}, peak {segment.peak:.2f}{_severity(segment)}"


def _severity(segment: Segment) -> str:
    return "" if segment.severity is None else f", severity {segment.severity:.1f}"
