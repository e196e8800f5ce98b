"""The timeline as a picture: thumbnails, a row per family and one of quality, each with its curve, a time axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from distortion_heads.io.video.options import Frame
from distortion_heads.io.video.sampling import time_text
from distortion_heads.reports.pictures import kinds_text
from distortion_heads.video.answers import VideoFamily, VideoHead, VideoPrediction, VideoQuality

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as BitmapFont

WIDTH, LEFT, RIGHT, TOP = 1280, 210, 190, 44
ROW, GAP, THUMB_HEIGHT, AXIS = 44, 10, 84, 40
HEIGHT = ROW - 8
"""Pixels of a curve that is 1."""

THUMB_WIDTH = 160
MOST_THUMBS = 32

_INK, _FAINT, _LINE, _PAPER = (28, 32, 38), (120, 126, 134), (222, 225, 229), (255, 255, 255)
_CURVE, _LIGHT, _SEGMENT, _THRESHOLD = (214, 92, 38), (250, 226, 208), (176, 52, 20), (150, 156, 164)
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


class Thumbnails:
    """Keeps at most `MOST_THUMBS` small pictures, evenly spread over a time that is not known beforehand."""

    def __init__(self) -> None:
        self.kept: list[tuple[float, Image.Image]] = []
        self._step = 0.5
        self._start: float | None = None
        self._next = 0

    def add(self, frame: Frame) -> None:
        if self._start is None:
            self._start = frame.time
        slot = math.floor((frame.time - self._start) / self._step + 1e-6)
        if slot < self._next:
            return
        picture = Image.fromarray(frame.pixels)
        picture.thumbnail((2 * THUMB_WIDTH, 2 * THUMB_HEIGHT), Image.Resampling.BILINEAR)
        self.kept.append((frame.time, picture))
        self._next = slot + 1
        if len(self.kept) >= MOST_THUMBS:
            self.kept = self.kept[::2]
            self._step *= 2
            self._next = math.floor((self.kept[-1][0] - self._start) / self._step + 1e-6) + 1

    def nearest(self, time: float) -> Image.Image:
        return min(self.kept, key=lambda item: abs(item[0] - time))[1]


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """Maps seconds to columns of pixels."""

    start: float
    end: float

    def x(self, time: float) -> float:
        span = max(self.end - self.start, 1e-6)
        return LEFT + (WIDTH - LEFT - RIGHT) * (min(max(time, self.start), self.end) - self.start) / span

    def ticks(self) -> list[float]:
        span = self.end - self.start
        step = next((step for step in _STEPS if span / step <= 12), _STEPS[-1])
        step *= max(1, math.ceil(span / step / 12))
        first = math.ceil(self.start / step - 1e-6)
        return [i * step for i in range(first, math.floor(self.end / step + 1e-6) + 1)]


def draw_timeline(
    prediction: VideoPrediction, thumbnails: Thumbnails, answers: Sequence[VideoFamily | VideoHead] | None = None
) -> Image.Image:
    """Return an RGB picture 1280 wide with a row for each of `answers`, then one for each head of quality.

    None: the relevant families, or the three most probable ones.
    """
    if answers is None:
        answers = prediction.relevant_families or sorted(prediction.families, key=lambda f: -f.probability)[:3]
    bottom = TOP + THUMB_HEIGHT + GAP + (len(answers) + len(prediction.qualities)) * (ROW + GAP)
    picture = Image.new("RGB", (WIDTH, bottom + AXIS), _PAPER)
    draw = ImageDraw.Draw(picture)
    axis = _Axis(start=prediction.start, end=prediction.end)
    _title(draw, prediction)
    _thumbnails(picture, thumbnails, axis)
    for tick in axis.ticks():
        draw.line((axis.x(tick), TOP + THUMB_HEIGHT + GAP, axis.x(tick), bottom), fill=_LINE)
        label = time_text(tick, 0 if float(tick).is_integer() else 1)
        draw.text((axis.x(tick), bottom + 6), label, fill=_FAINT, font=_font(14), anchor="ma")
    rows = {head.label: row for row, head in enumerate(prediction.heads)}
    for place, answer in enumerate(answers):
        top = TOP + THUMB_HEIGHT + GAP + place * (ROW + GAP)
        _name(draw, answer, top)
        _row(draw, answer, prediction, prediction.curves.values[rows[answer.label]], axis, top)
    for place, quality in enumerate(prediction.qualities, len(answers)):
        _quality(draw, quality, prediction, axis, TOP + THUMB_HEIGHT + GAP + place * (ROW + GAP))
    return picture


def _title(draw: ImageDraw.ImageDraw, prediction: VideoPrediction) -> None:
    name = (prediction.path or "video").replace("\\", "/").rpartition("/")[2]
    name = "".join(letter if letter.isprintable() else "?" for letter in name)
    parts = [f"{prediction.width} x {prediction.height}", f"{prediction.frames} frames"]
    parts.append(f"{time_text(prediction.start)} to {time_text(prediction.end)}")
    if prediction.error:
        parts.append("incomplete")
    draw.text((16, 22), name, fill=_INK, font=_font(18), anchor="lm")
    draw.text((WIDTH - 16, 22), ", ".join(parts), fill=_FAINT, font=_font(14), anchor="rm")


def _thumbnails(picture: Image.Image, thumbnails: Thumbnails, axis: _Axis) -> None:
    if not thumbnails.kept:
        return
    first = thumbnails.kept[0][1]
    width = min(max(round(THUMB_HEIGHT * first.width / first.height), 24), 3 * THUMB_HEIGHT)
    room = WIDTH - LEFT - RIGHT
    count = max(room // (width + 4), 1)
    for place in range(count):
        left = LEFT + round(place * room / count)
        right = LEFT + round((place + 1) * room / count) - 4
        time = axis.start + (place + 0.5) * (axis.end - axis.start) / count
        thumbnail = thumbnails.nearest(time)
        size = (right - left, THUMB_HEIGHT)
        scale = max(size[0] / thumbnail.width, size[1] / thumbnail.height)
        scaled = thumbnail.resize(
            (max(round(thumbnail.width * scale), size[0]), max(round(thumbnail.height * scale), size[1]))
        )
        x, y = (scaled.width - size[0]) // 2, (scaled.height - size[1]) // 2
        picture.paste(scaled.crop((x, y, x + size[0], y + size[1])), (left, TOP))


def _name(draw: ImageDraw.ImageDraw, answer: VideoFamily | VideoHead, top: int) -> None:
    ink = _INK if answer.present else _FAINT
    if not isinstance(answer, VideoFamily):
        draw.text((32, top + ROW / 2 - 4), answer.label, fill=ink, font=_font(14), anchor="lm")
        return
    kinds = [kinds_text(answer.kinds, most=most) if answer.present or answer.segments else "" for most in (2, 1)]
    text = kinds[0] if draw.textlength(kinds[0], _font(12)) < LEFT - 24 else kinds[1]
    draw.text((16, top + ROW / 2 - (12 if text else 4)), answer.family, fill=ink, font=_font(15), anchor="lm")
    draw.text((16, top + ROW / 2 + 6), text, fill=_FAINT, font=_font(12), anchor="lm")


def _row(
    draw: ImageDraw.ImageDraw,
    head: VideoFamily | VideoHead,
    prediction: VideoPrediction,
    values: NDArray[np.float32],
    axis: _Axis,
    top: int,
) -> None:
    base = top + ROW - 8
    _curve(draw, values, prediction, axis, base)
    level = base - HEIGHT * head.threshold
    for x in range(LEFT, WIDTH - RIGHT, 8):
        draw.line((x, level, min(x + 3, WIDTH - RIGHT), level), fill=_THRESHOLD)
    draw.line((LEFT, base, WIDTH - RIGHT, base), fill=_FAINT)
    for segment in head.segments:
        draw.rectangle(
            (axis.x(segment.onset), base + 2, max(axis.x(segment.offset), axis.x(segment.onset) + 2), base + 6),
            fill=_SEGMENT,
        )
    severity = "" if head.severity is None or not (head.present or head.segments) else f", severity {head.severity:.1f}"
    draw.text(
        (WIDTH - RIGHT + 12, top + 10), f"mean {head.probability:.2f}{severity}", fill=_INK, font=_font(14), anchor="lm"
    )
    draw.text((WIDTH - RIGHT + 12, top + 28), f"{head.share:.0%} of frames", fill=_FAINT, font=_font(14), anchor="lm")


def _quality(
    draw: ImageDraw.ImageDraw, quality: VideoQuality, prediction: VideoPrediction, axis: _Axis, top: int
) -> None:
    """Draw a curve from the least to the best value of the scale; the worst second is marked below it."""
    base, span = top + ROW - 8, quality.high - quality.low
    draw.text((16, top + ROW / 2 - 12), quality.label, fill=_INK, font=_font(15), anchor="lm")
    scale = f"{quality.low:g} to {quality.high:g}, high is good"
    draw.text((16, top + ROW / 2 + 6), scale, fill=_FAINT, font=_font(12), anchor="lm")
    _curve(draw, (quality.curve - quality.low) / span, prediction, axis, base)
    draw.line((LEFT, base, WIDTH - RIGHT, base), fill=_FAINT)
    left = axis.x(quality.worst_time)
    draw.rectangle((left, base + 2, max(axis.x(quality.worst_time + 1), left + 2), base + 6), fill=_SEGMENT)
    x = WIDTH - RIGHT + 12
    draw.text((x, top + 10), f"mean {quality.value:.1f}", fill=_INK, font=_font(14), anchor="lm")
    worst = f"worst {quality.worst:.1f} at {time_text(quality.worst_time)}"
    draw.text((x, top + 28), worst, fill=_FAINT, font=_font(14), anchor="lm")


def _curve(
    draw: ImageDraw.ImageDraw, values: NDArray[np.float32], prediction: VideoPrediction, axis: _Axis, base: int
) -> None:
    """Draw values from 0 to 1 of the bins of the prediction's curves, on a line at `base`."""
    curves = prediction.curves
    edges = curves.start + curves.width * np.arange(len(values) + 1)
    for value, left, right in zip(values, edges[:-1], edges[1:], strict=True):
        if value > 0:  # NaN is not
            x0, x1 = axis.x(left), max(axis.x(right), axis.x(left) + 1)
            y = base - HEIGHT * float(value)
            draw.rectangle((x0, y, x1, base), fill=_LIGHT)
            draw.line((x0, y, x1, y), fill=_CURVE, width=2)


def _font(size: int) -> FreeTypeFont | BitmapFont:
    return ImageFont.load_default(size)
