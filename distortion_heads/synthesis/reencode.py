"""Pictures as a video codec leaves them: it smooths noise, halves the colour's resolution and adds blocks of its own.

Heads are fitted on some of these too, so that they judge a decoded frame as they judge a still.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from distortion_heads.io.video.color import RgbConverter
from distortion_heads.io.video.container import open_container
from distortion_heads.io.video.encode import Coding, encode_video

RATE = 25.0
MOST_FRAMES = 3

CODEC_ODDS = {"h264": 0.6, "hevc": 0.05, "mpeg4": 0.35}
"""H.265 is drawn seldom: its encoder takes a third of a second to open."""

CRF = {"h264": (16, 28), "hevc": (18, 30)}
"""Good to fair quality: what a worse one leaves is rather the codec's distortion than that of the picture."""


def draw_coding(rng: np.random.Generator) -> Coding:
    """A codec and its quality; MPEG-4 at that which hides the codec."""
    codec = str(rng.choice(list(CODEC_ODDS), p=list(CODEC_ODDS.values())))
    if codec == "mpeg4":
        return Coding(codec="mpeg4")
    return Coding(codec="h264" if codec == "h264" else "hevc", crf=float(rng.integers(*CRF[codec], endpoint=True)))


def reencode(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The last of up to three frames of a still scene, uint8 RGB (H, W, 3), encoded and decoded as videos are."""
    frames = int(rng.integers(1, MOST_FRAMES + 1))
    coding = draw_coding(rng)
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"clip{coding.suffix}"
        encode_video([(i / RATE, image) for i in range(frames)], file, coding, RATE)
        with open_container(file) as container:
            container.streams.video[0].codec_context.thread_count = 1
            *_, last = container.decode(video=0)
            decoded = RgbConverter()(last)
    return np.ascontiguousarray(decoded[: image.shape[0], : image.shape[1]])
