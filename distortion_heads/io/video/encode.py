"""Frames to a video file, through PyAV: lossless FFV1, or H.264, H.265 and MPEG-4 at a quality or a bit rate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, cast, get_args

import numpy as np

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DheadsError, InputError
from distortion_heads.io.video.container import file_url

if TYPE_CHECKING:
    from pathlib import Path

    from av.container import OutputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    Picture: TypeAlias = tuple[float, NDArray[np.uint8]]
    """The time when it is shown, in seconds, and its pixels, (H, W, 3) RGB."""

Codec: TypeAlias = Literal["ffv1", "h264", "hevc", "mpeg4"]
CODECS: tuple[Codec, ...] = get_args(Codec)
MIN_BIT_RATE, MAX_BIT_RATE = 10_000, 1_000_000_000
MAX_CRF = 51.0
_DEFAULT_RATE = 25.0
_UNITS: Mapping[str, int] = {"M": 1_000_000, "k": 1_000, "": 1}


class _Encoder(NamedTuple):
    name: str
    options: dict[str, str]
    quality: dict[str, str]
    """A quality that hides the codec."""
    ticks: int = 90_000
    """Parts of a second."""


_X265 = "log-level=none:pools=none:frame-threads=1:bframes=0"
_ENCODERS: Mapping[Codec, _Encoder] = {
    "ffv1": _Encoder("ffv1", {"level": "3", "slices": "4", "slicecrc": "1"}, {}),
    "h264": _Encoder("libx264", {"preset": "veryfast"}, {"crf": "18"}),
    "hevc": _Encoder("libx265", {"preset": "veryfast", "x265-params": _X265}, {"crf": "20"}),
    "mpeg4": _Encoder("mpeg4", {}, {"qmin": "2", "qmax": "2"}, 60_000),  # its headers have 16 bits for the ticks
}
_CONTAINERS = {".mkv": "matroska", ".mp4": "mp4"}
_BT709, _LIMITED = 1, 1
"""Matrix, primaries and transfer of ITU-T H.273; range of FFmpeg's AVColorRange."""

_LOSSY: dict[str, Any] = {
    "format": "yuv420p",
    "interpolation": 0x2 | 0x4000 | 0x40000,  # SWS_BILINEAR, SWS_FULL_CHR_H_INP and SWS_ACCURATE_RND of swscale.h
    "dst_colorspace": _BT709,
    "dst_color_range": _LIMITED,
    "threads": 1,
}


@dataclass(frozen=True, kw_only=True)
class Coding:
    """A codec at `bit_rate` (bit/s; peaks are levelled over a second), at `crf`, or at a quality that hides it.

    `crf` is the constant quality of x264 and x265; FFV1 is lossless and takes neither. Raises `DheadsError` for
    options that the codec lacks.
    """

    codec: Codec = "ffv1"
    crf: float | None = None
    bit_rate: int | None = None

    def __post_init__(self) -> None:
        if self.codec not in CODECS:
            raise DheadsError(f"no codec {self.codec!r}: choose one of {', '.join(CODECS)}")
        if self.crf is not None and self.bit_rate is not None:
            raise DheadsError("give a bit rate or a crf, not both")
        if self.codec == "ffv1" and (self.crf is not None or self.bit_rate is not None):
            raise DheadsError("ffv1 is lossless: a bit rate or crf needs the codec h264, hevc or mpeg4")
        if self.crf is not None and (self.codec == "mpeg4" or not 0 <= self.crf <= MAX_CRF):
            raise DheadsError(f"a crf is a number from 0 to {MAX_CRF:g}, for h264 and hevc")
        if self.bit_rate is not None and not MIN_BIT_RATE <= self.bit_rate <= MAX_BIT_RATE:
            raise DheadsError(f"a bit rate must be from {MIN_BIT_RATE} to {MAX_BIT_RATE} bit/s")

    @property
    def suffix(self) -> str:
        """Return the file's suffix: Matroska holds FFV1, and rounds times to 1 ms; MP4 holds the others."""
        return ".mkv" if self.codec == "ffv1" else ".mp4"

    @property
    def options(self) -> dict[str, str]:
        """Return the encoder's options."""
        chosen = _ENCODERS[self.codec].quality
        if self.bit_rate is not None:
            chosen = dict.fromkeys(("b", "maxrate", "bufsize"), str(self.bit_rate))
        elif self.crf is not None:
            chosen = {"crf": f"{self.crf:g}"}
        return {**_ENCODERS[self.codec].options, **chosen}

    def __str__(self) -> str:
        if self.bit_rate is not None:
            return f"{self.codec} {bit_rate_text(self.bit_rate)}"
        return self.codec if self.crf is None else f"{self.codec} crf {self.crf:g}"


def parse_bit_rate(text: str) -> int:
    """Read "800000", "800k" or "1.5M" as bit/s. Raises `DheadsError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kM]?)", text.strip())
    if match is None:
        raise DheadsError(f"{text!r} is no bit rate like 800000, 800k or 1.5M")
    return round(float(match[1]) * _UNITS[match[2]])


def bit_rate_text(bit_rate: int) -> str:
    """Write a bit rate for `parse_bit_rate`, exact and as short as can be: "1.25M", "400k", "1234567"."""
    units = ((unit, size) for unit, size in _UNITS.items() if size <= bit_rate)
    texts = [f"{(Decimal(bit_rate) / size).normalize():f}{unit}" for unit, size in units]
    return min(texts, key=len)


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """The number and size of the frames that were written."""

    frames: int
    width: int
    height: int


def encode_video(
    pictures: Iterable[Picture],
    target: Path,
    coding: Coding,
    rate: float | None,
    *,
    by_suffix: bool = False,
    threads: int = 1,
) -> Encoded:
    """Write `target`: in the container of its suffix if `by_suffix`, else in that of `coding`, whatever its suffix.

    FFV1 makes the same bytes of the same pictures; x264, at times, does not. 0 `threads` are one per core. Times count
    from the first picture's; `rate` (frames/s) is what the header says. Sizes are made even for the lossy codecs by
    repeating the last row or column. Colours are BT.709, limited range, 4:2:0; FFV1 has RGB.

    Raises `InputError` if there is no picture or their sizes differ, `DheadsError` without such an encoder, `OSError`
    if `target` cannot be written.
    """
    import av
    from av.error import FFmpegError

    kind = None if by_suffix else _CONTAINERS[coding.suffix]
    writer: _Writer | None = None
    try:
        options = {"fflags": "+bitexact"}
        with av.open(file_url(target), "w", format=kind, container_options=options) as container:
            for time, pixels in pictures:
                writer = writer or _Writer(container, coding, pixels.shape, rate or _DEFAULT_RATE, threads, time)
                writer.add(time, pixels)
            if writer is None:
                raise InputError("no frame of this video can be decoded")
            return writer.finish()
    except FFmpegError as error:
        raise OSError(error.errno, reason(error) or str(error)) from error


class _Writer:
    """Writes one stream."""

    def __init__(
        self,
        container: OutputContainer,
        coding: Coding,
        shape: tuple[int, ...],
        rate: float,
        threads: int,
        origin: float,
    ) -> None:
        from av.video.reformatter import VideoReformatter

        self._container, self._shape, self._origin = container, shape, origin
        self._even = 0 if coding.codec == "ffv1" else 1
        self._stream = stream = self._new_stream(coding, rate, threads)
        self._base = stream.codec_context.time_base or Fraction(1, _ENCODERS[coding.codec].ticks)
        self._spacing = max(round(1 / (rate * float(self._base))), 1)
        self._convert: Any = VideoReformatter().reformat
        size = {"width": stream.width, "height": stream.height}
        self._conversion: dict[str, Any] = size | _LOSSY if self._even else {"format": stream.pix_fmt}
        self._last, self._frames = -1, 0

    def add(self, time: float, pixels: NDArray[np.uint8]) -> None:
        import av

        if pixels.shape != self._shape:
            height, width = self._shape[:2]
            raise InputError(f"frames of {pixels.shape[1]} x {pixels.shape[0]} follow on such of {width} x {height}")
        if self._even:
            pixels = np.pad(pixels, ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)), mode="edge")
        frame = self._convert(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels)), **self._conversion)
        self._last = max(round((time - self._origin) / float(self._base)), self._last + 1)
        frame.pts, frame.time_base, frame.duration = self._last, self._base, self._spacing
        self._container.mux(self._stream.encode(frame))
        self._frames += 1

    def finish(self) -> Encoded:
        self._container.mux(self._stream.encode(None))
        return Encoded(frames=self._frames, width=self._stream.width, height=self._stream.height)

    def _new_stream(self, coding: Coding, rate: float, threads: int) -> VideoStream:
        import av

        encoder = _ENCODERS[coding.codec]
        if encoder.name not in av.codecs_available:
            raise DheadsError(f"this installation of PyAV has no encoder {encoder.name}: choose another codec")
        stream = cast(
            "VideoStream", self._container.add_stream(encoder.name, rate=Fraction(rate).limit_denominator(1001))
        )
        stream.height, stream.width = (side + (side & self._even) for side in self._shape[:2])
        stream.pix_fmt = _LOSSY["format"] if self._even else "bgr0"
        stream.options = {**coding.options}
        context = stream.codec_context
        context.time_base, context.thread_count = Fraction(1, encoder.ticks), threads
        if self._even:
            context.colorspace, context.color_range = _BT709, _LIMITED
            context.color_primaries = context.color_trc = _BT709  # MP4 says the matrix only beside these
        return stream
