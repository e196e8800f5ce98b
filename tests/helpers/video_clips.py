"""Tiny clips, made by the encoders that PyAV's wheel has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.scheduling import as_before
from distortion_heads.answers import HeadResult, Prediction
from distortion_heads.heads.head import HeadFile
from distortion_heads.video.answers import FrameResult

Picture = NDArray[np.uint8]
CLOCK = Fraction(1, 1000)


def grey(level: int, width: int = 64, height: int = 48) -> Picture:
    return np.full((height, width, 3), level, np.uint8)


def write_clip(
    path: Path,
    pictures: Sequence[Picture],
    *,
    codec: str = "mpeg4",
    pix_fmt: str = "yuv420p",
    rate: int = 10,
    times: Sequence[float] | None = None,
    container_options: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    gop: int = 5,
    prepare: Callable[[Any], None] = lambda stream: None,
) -> Path:
    """Encode `pictures` at `rate` frames/s, or at `times` in seconds; the container is that of the suffix."""
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.gop_size = gop
        stream.options = options or {}
        if codec == "mpeg4":
            stream.bit_rate = 2_000_000
        if times is not None:
            stream.codec_context.time_base = CLOCK
        prepare(stream)
        with as_before():
            stream.codec_context.open()
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts, frame.time_base = (i, Fraction(1, rate)) if times is None else (round(times[i] * 1000), CLOCK)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def steps(count: int) -> list[Picture]:
    """Frames that tell their place by their brightness."""
    return [grey(30 + 4 * i) for i in range(count)]


def stripes(count: int) -> list[Picture]:
    """Frames that show something, which moves: one of a single colour is not judged."""
    row = np.tile(np.repeat(np.uint8([60, 180]), 8), 4)
    return [np.broadcast_to(np.roll(row, 2 * i)[:, np.newaxis], (48, 64, 3)).copy() for i in range(count)]


def place_of(picture: Picture) -> int:
    """The place in `steps` of a decoded frame."""
    return round((float(picture.mean()) - 30) / 4)


class BrightnessPredictor:
    """Answers with the brightness of a picture as the probability of its one head, and a fixed severity."""

    def __init__(self, head: HeadFile) -> None:
        self.heads = self.video_heads = (head,)

    def predict(self, pixels: Picture, *, most_windows: int | None = None) -> Prediction:
        return prediction_of(self.heads[0], float(pixels.mean()) / 255, pixels.shape)

    def predict_frame(
        self, pixels: Picture, *, most_windows: int | None = None, frame_index: int = 0
    ) -> tuple[Prediction, None]:
        return self.predict(pixels, most_windows=most_windows), None


def prediction_of(head: HeadFile, probability: float, shape: Sequence[int] = (48, 64)) -> Prediction:
    threshold = head.threshold.value
    result = HeadResult(
        label=head.label,
        family=head.family,
        probability=probability,
        threshold=threshold,
        present=probability >= threshold,
        severity=3.0,
    )
    return Prediction(path=None, width=shape[1], height=shape[0], windows=1, backbone="tiny@0", heads=(result,))


def results_of(head: HeadFile, values: Sequence[float], rate: float = 10.0) -> list[FrameResult]:
    return [FrameResult(index=i, time=i / rate, prediction=prediction_of(head, v)) for i, v in enumerate(values)]
