"""Answers for pictures and videos as what a page shows of them: short texts, small pictures, coarse maps."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.answers import FamilyResult, HeatMap, Prediction, QualityResult
from distortion_heads.heat.predictor import HeatPredictor
from distortion_heads.io.video.options import VideoOptions
from distortion_heads.reports.heat_files import frame_at, worst_frames
from distortion_heads.reports.pictures import kinds_text
from distortion_heads.video.answers import VideoFamily, VideoPrediction, VideoQuality

THUMBNAIL, QUALITY = 256, 60
"""Longer side in pixels of the small pictures, and the quality of their WebP files."""

MOST_PLACES, MOST_BINS, MOST_SHOTS = 600, 160, 12
"""Places of a map, steps of a curve over time and frames of a video that a page holds, at most."""


@dataclass(frozen=True, kw_only=True)
class PageEntry:
    """One line of a page: `data` for JSON, and `thumbnails`, WebP files that its numbers in `shots` refer to.

    `state` is "distorted", "clean", "unjudged" or "error"; `families`: severities of those that are present, or None;
    `qualities`: how good it is, by each head that says so.
    """

    state: str
    data: Mapping[str, Any]
    thumbnails: tuple[bytes, ...] = ()
    families: Mapping[str, float | None] = field(default_factory=dict)
    in_part: tuple[str, ...] = ()
    qualities: tuple[QualityResult, ...] = ()


def picture_entry(prediction: Prediction) -> PageEntry:
    """Return the entry of a picture, with maps where the prediction has places."""
    places, answers = prediction.places, {family.family: family for family in prediction.families}
    found = places.found() if places is not None and prediction.judged else ()
    present = {name: answers[name].severity for name in answers if answers[name].present}
    state = "unjudged" if not prediction.judged else "distorted" if present else "clean"
    notes = [*prediction.remarks, *([prediction.reason] if prediction.reason else [])]
    data = {
        **_answers(prediction.path, prediction.width, prediction.height, prediction.families),
        "state": state,
        "notes": notes,
        "maps": {name: _map(prediction.heat(name), prediction) for name in found},
        **qualities_of(prediction.qualities),
    }
    thumbnails = () if places is None else (thumbnail(places.picture),)
    in_part = tuple(name for name in found if name not in present)
    return PageEntry(
        state=state,
        data=data,
        thumbnails=thumbnails,
        families=present,
        in_part=in_part,
        qualities=prediction.qualities,
    )


def video_entry(predictor: HeatPredictor, prediction: VideoPrediction, options: VideoOptions) -> PageEntry:
    """Return the entry of a video: its curves and segments, and the worst frames with their maps. It is read again."""
    shots, thumbnails = [], []
    for worst in list(worst_frames(predictor, prediction, options))[:MOST_SHOTS]:
        places, name = worst.prediction.places, worst.family.family
        assert places is not None
        shots.append({"time": round(worst.time, 2), "family": name, "map": _map(places.heat(name), worst.prediction)})
        thumbnails.append(thumbnail(places.picture))
    if not thumbnails and prediction.path is not None:
        frame = frame_at(prediction.path, prediction.start, options)
        thumbnails += [] if frame is None else [thumbnail(frame.pixels)]
    present = {family.family: family.severity for family in prediction.relevant_families}
    state = "distorted" if present else "clean" if prediction.reason is None else "unjudged"
    data = {
        **_answers(prediction.path, prediction.width, prediction.height, prediction.families),
        "state": state,
        "notes": [
            *prediction.notes,
            *filter(None, [prediction.reason]),
            *([prediction.error] if prediction.error else []),
        ],
        "maps": {},
        "shots": shots,
        "video": _timeline(prediction),
        **qualities_of(prediction.qualities),
    }
    return PageEntry(
        state=state, data=data, thumbnails=tuple(thumbnails), families=present, qualities=prediction.qualities
    )


def error_entry(path: str, reason: str) -> PageEntry:
    """Return the entry of an input that failed."""
    data = {**_answers(path, 0, 0, ()), "state": "error", "notes": [reason], "maps": {}}
    return PageEntry(state="error", data=data)


def thumbnail(pixels: NDArray[np.uint8]) -> bytes:
    """Return uint8 (H, W, 3) as a small WebP file."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    stream = BytesIO()
    picture.save(stream, "WEBP", quality=QUALITY, method=2)
    return stream.getvalue()


def _answers(path: str | None, width: int, height: int, families: Sequence[FamilyResult]) -> dict[str, Any]:
    return {
        "path": path or "-",
        "width": width,
        "height": height,
        "families": {
            family.family: [
                round(family.probability, 3),
                None if family.severity is None else round(family.severity, 1),
                _is_told(family),
                kinds_text(family.kinds) if _is_told(family) else "",
            ]
            for family in families
        },
    }


def qualities_of(qualities: Sequence[QualityResult]) -> dict[str, Any]:
    """Return what each head says: its value and scale and, of a video, its worst second and its curve in percent."""
    told: list[dict[str, Any]] = []
    for quality in qualities:
        scale = {"low": quality.low, "high": quality.high}
        told.append({"label": quality.label, "value": round(quality.value, 2), **scale})
        if isinstance(quality, VideoQuality):
            curve = (quality.curve - np.float32(quality.low)) / np.float32(quality.high - quality.low)
            worst = {"worst": round(quality.worst, 2), "time": round(quality.worst_time, 2)}
            told[-1] |= {**worst, "curve": _steps(curve, np.min)}
    return {"qualities": told} if told else {}


def _is_told(family: FamilyResult) -> bool:
    return family.present or (isinstance(family, VideoFamily) and bool(family.segments))


def _map(heat: HeatMap, prediction: Prediction) -> dict[str, Any]:
    """Return a map as bytes in base64, row by row, with its box and its worst place as shares of the picture."""
    values = heat.values
    if values.size > MOST_PLACES:
        factor = (MOST_PLACES / values.size) ** 0.5
        size = (max(1, int(values.shape[1] * factor)), max(1, int(values.shape[0] * factor)))
        values = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))
    width, height = prediction.width, prediction.height
    sides = (heat.box[0] / width, heat.box[1] / height, heat.box[2] / width, heat.box[3] / height)
    return {
        "rows": values.shape[0],
        "columns": values.shape[1],
        "values": base64.b64encode(np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8).tobytes()).decode(),
        "box": [round(side, 4) for side in sides],
        "worst": [round(heat.worst[0] / width, 4), round(heat.worst[1] / height, 4)],
        "areas": [[area.x, area.y, area.width, area.height, round(area.probability, 2)] for area in heat.areas],
        "rough": heat.coarse,
    }


def _timeline(prediction: VideoPrediction) -> dict[str, Any]:
    rows = {head.label: row for row, head in enumerate(prediction.heads)}
    families = {}
    for family in prediction.relevant_families:
        families[family.family] = {
            "threshold": round(family.threshold, 3),
            "share": round(family.share, 3),
            "curve": _steps(prediction.curves.values[rows[family.label]], np.max),
            "segments": [
                [round(part.onset, 2), round(part.offset, 2), round(part.peak, 2), kinds_text(part.kinds, most=1)]
                for part in family.segments
            ],
        }
    return {"start": round(prediction.start, 2), "end": round(prediction.end, 2), "families": families}


def _steps(values: NDArray[np.float32], worst: Callable[[NDArray[np.float32]], np.floating[Any]]) -> list[int]:
    """Return the worst of each of at most `MOST_BINS` steps in percent; -1 where nothing was evaluated."""
    edges = np.linspace(0, len(values), min(len(values), MOST_BINS) + 1).astype(int)
    parts = [values[left:right] for left, right in pairwise(edges)]
    known = [part[~np.isnan(part)] for part in parts]
    return [round(100 * float(worst(part))) if part.size else -1 for part in known]
