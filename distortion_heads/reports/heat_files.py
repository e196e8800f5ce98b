"""Heat maps of pictures, and of the worst frames of videos, as files in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

from distortion_heads._system.atomic import check_writable
from distortion_heads._system.errors_text import reason
from distortion_heads.answers import FamilyResult, Prediction
from distortion_heads.errors import DataError, DheadsError, InputError
from distortion_heads.heat.predictor import HeatPredictor
from distortion_heads.io.video.options import Frame, Sampling, VideoOptions
from distortion_heads.io.video.reader import open_video
from distortion_heads.io.video.sampling import time_text
from distortion_heads.reports.files import write_files
from distortion_heads.reports.heat_overlay import draw_heat
from distortion_heads.video.answers import VideoPrediction

MOST_FRAMES = 24
"""Frames of a video that are drawn: those of the segments with the highest peaks."""

QUALITY = 90
"""The quality of the JPEG files."""

_CLOSE = 1e-3
"""Seconds: time stamps are rounded."""


@dataclass(frozen=True, kw_only=True)
class WorstFrame:
    """The frame at the peak of a segment of `family`, at `time` (s), judged as a picture that has a map of it."""

    family: FamilyResult
    time: float
    prediction: Prediction


class HeatFolder:
    """Writes JPEG files into a folder: `NAME-FAMILY.jpg`, of a video `NAME-FAMILY-1m05.20s.jpg`.

    Raises `DataError` if nothing can be written there.
    """

    def __init__(self, folder: Path) -> None:
        try:
            check_writable(folder)
        except OSError as error:
            text = f"{error.filename} cannot be written to: {reason(error).lower()}"
            raise DataError(f"{text}; choose another --heat") from None
        self.folder, self.written = folder, 0
        self._names: dict[str, int] = {}

    def picture(self, prediction: Prediction) -> None:
        """Write a map of each family that is present, or in a part of the picture. Raises `DataError`."""
        if prediction.places is None or not prediction.judged:
            return
        for family in prediction.families:
            if family.family in prediction.places.found():
                self._write(prediction, family, "")

    def video(self, predictor: HeatPredictor, prediction: VideoPrediction, options: VideoOptions) -> None:
        """Write a map of the worst frame of each segment; the video is read again. Raises `DataError`."""
        for worst in worst_frames(predictor, prediction, options):
            at = f"-{time_text(worst.time, 2).replace(':', 'm')}s"
            self._write(replace(worst.prediction, path=prediction.path), worst.family, at)

    def _write(self, prediction: Prediction, family: FamilyResult, at: str) -> None:
        assert prediction.places is not None
        heat = prediction.heat(family.family)
        severity = "" if family.severity is None else f", severity {family.severity:.1f}"
        told = f"{family.probability:.2f}{severity}" if family.present or at else "in a part"
        title = f"{family.family} {told}{at.replace('-', ', ')}  {prediction.path or ''}"
        picture = draw_heat(prediction.places.picture, heat, prediction.width, prediction.height, title)
        stream = BytesIO()
        picture.save(stream, "JPEG", quality=QUALITY)
        write_files(self.folder, {self._name(prediction.path, f"-{family.family}{at}"): stream.getvalue()}, "--heat")
        self.written += 1

    def _name(self, path: str | None, ending: str) -> str:
        """Return a name that no other picture of this run has."""
        name = (path or "picture").replace("\\", "/").rpartition("/")[2].encode("utf-8", "replace").decode()
        stem = name[-150:] + ending
        self._names[stem] = count = self._names.get(stem, 0) + 1
        return f"{stem}.jpg" if count == 1 else f"{stem}-{count}.jpg"


def part_notes(prediction: Prediction) -> list[str]:
    """Return a line for each family that is in a part of the picture only: `blur in a part: 264 x 352 at 0, 0`."""
    if prediction.places is None or not prediction.judged:
        return []
    present, notes = {family.family for family in prediction.present_families}, []
    for name in prediction.places.found():
        if name not in present:
            area = prediction.heat(name).areas[0]
            notes.append(f"{name} in a part: {area.width} x {area.height} at {area.x}, {area.y}")
    return notes


def worst_frames(predictor: HeatPredictor, prediction: VideoPrediction, options: VideoOptions) -> Iterator[WorstFrame]:
    """Yield the frame at the peak of each segment, in their order; of the `MOST_FRAMES` with the highest peaks.

    A family that only successive frames show has none, nor has a pipe, which cannot be read again.
    """
    if prediction.path is None:
        return
    found = [(family, segment) for family in prediction.families for segment in family.segments]
    found = sorted(found, key=lambda pair: -pair[1].peak)[:MOST_FRAMES]
    judged: tuple[float, Prediction] | None = None
    for family, segment in sorted(found, key=lambda pair: pair[1].peak_time):
        try:
            predictor.map_maker(family.family)
        except DheadsError:
            continue
        if judged is None or judged[0] != segment.peak_time:
            frame = frame_at(prediction.path, segment.peak_time, options)
            judged = None if frame is None else (segment.peak_time, predictor.predict(frame.pixels))
        if judged is not None and judged[1].judged:
            answer = replace(family, probability=segment.peak, severity=segment.severity)
            yield WorstFrame(family=answer, time=segment.peak_time, prediction=judged[1])


def frame_at(path: str, time: float, options: VideoOptions) -> Frame | None:
    """Return the first frame from `time` on, or None where it cannot be read again."""
    reading = replace(options, sampling=Sampling(start=max(0.0, time - _CLOSE)), follow=None)
    with suppress(InputError), closing(open_video(path, reading)) as video:
        return next(iter(video.frames()), None)
    return None
