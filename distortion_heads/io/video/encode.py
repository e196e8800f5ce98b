"""Frames -> a video file, through PyAV: lossless FFV1, or H.264, H.265 and MPEG-4 at a quality or a bit rate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args

import numpy as np

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DheadsError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    Picture: TypeAlias = tuple[float, NDArray[np.uint8]]
    """When it is shown, in seconds, and its pixels, (H, W, 3) RGB."""

Codec: TypeAlias = Literal["ffv1", "h264", "hevc", "mpeg4"]
CODECS: tuple[Codec, ...] = get_args(Codec)
MIN_BIT_RATE, MAX_BIT_RATE = 10_000, 1_000_000_000
MAX_CRF = 51.0
_UNITS: Mapping[str, int] = {"M": 1_000_000, "k": 1_000, "": 1}

_ENCODERS: Mapping[Codec, str] = {"ffv1": "ffv1", "h264": "libx264", "hevc": "libx265", "mpeg4": "mpeg4"}
_PLAIN: Mapping[Codec, dict[str, str]] = {
    "ffv1": {"level": "3", "slices": "4", "slicecrc": "1"},
    "h264": {"preset": "veryfast"},
    "hevc": {"preset": "veryfast", "x265-params": "log-level=none:pools=none:frame-threads=1:bframes=0"},
    "mpeg4": {},
}
_DEFAULT_QUALITY: Mapping[Codec, dict[str, str]] = {
    "ffv1": {},
    "h264": {"crf": "18"},
    "hevc": {"crf": "20"},
    "mpeg4": {"qmin": "2", "qmax": "2"},
}
_TICKS: Mapping[Codec, int] = {"mpeg4": 60_000}  # of a second; its headers have 16 bits for them
_DEFAULT_TICKS = 90_000
_DEFAULT_RATE = 25.0
_CONTAINERS = {".mkv": "matroska", ".mp4": "mp4"}
_LOSSY_PIXELS = "yuv420p"
_BT709, _LIMITED = 1, 1
"""Matrix, primaries and transfer of ITU-T H.273; range of FFmpeg's AVColorRange."""

_SCALER_FLAGS = 0x2 | 0x4000 | 0x40000
"""SWS_BILINEAR, SWS_FULL_CHR_H_INP and SWS_ACCURATE_RND of swscale.h."""


@dataclass(frozen=True, kw_only=True)
class Coding:
    """How a video is coded: at `bit_rate` (bit/s; peaks are levelled over a second), at the constant quality `crf` of
    x264 and x265, or at a quality that hides the codec. FFV1 is lossless and takes neither.

    Raises `DheadsError` for what a codec does not have.
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
        """Of the file: Matroska holds FFV1, and rounds times to 1 ms; MP4 holds the others."""
        return ".mkv" if self.codec == "ffv1" else ".mp4"

    @property
    def options(self) -> dict[str, str]:
        """For the encoder."""
        if self.bit_rate is not None:
            chosen = {"b": str(self.bit_rate), "maxrate": str(self.bit_rate), "bufsize": str(self.bit_rate)}
        elif self.crf is not None:
            chosen = {"crf": f"{self.crf:g}"}
        else:
            chosen = _DEFAULT_QUALITY[self.codec]
        return {**_PLAIN[self.codec], **chosen}

    def __str__(self) -> str:
        if self.bit_rate is not None:
            return f"{self.codec} {bit_rate_text(self.bit_rate)}"
        return self.codec if self.crf is None else f"{self.codec} crf {self.crf:g}"


def parse_bit_rate(text: str) -> int:
    """Bit/s of "800000", "800k" or "1.5M". Raises `DheadsError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kM]?)", text.strip())
    if match is None:
        raise DheadsError(f"{text!r} is no bit rate like 800000, 800k or 1.5M")
    return round(float(match[1]) * _UNITS[match[2]])


def bit_rate_text(bit_rate: int) -> str:
    """The reverse of `parse_bit_rate` for 1 and above, exact and as short as can be: "1.25M", "400k", "1234567"."""
    units = ((unit, size) for unit, size in _UNITS.items() if size <= bit_rate)
    texts = [f"{(Decimal(bit_rate) / size).normalize():f}{unit}" for unit, size in units]
    return min(texts, key=len)


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What was written: how many frames of what size."""

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
    try:
        with av.open(str(target), "w", format=kind, container_options={"fflags": "+bitexact"}) as container:
            return _encode(pictures, container, coding, rate or _DEFAULT_RATE, threads)
    except FFmpegError as error:
        raise OSError(error.errno, reason(error) or str(error)) from error


def _encode(
    pictures: Iterable[Picture], container: OutputContainer, coding: Coding, rate: float, threads: int
) -> Encoded:
    writer: _Writer | None = None
    for time, pixels in pictures:
        if writer is None:
            writer = _Writer(
                container, _stream(container, coding, pixels.shape, rate, threads), rate, pixels.shape, time
            )
        writer.add(time, pixels)
    if writer is None:
        raise InputError("no frame of this video can be decoded")
    return writer.finish()


class _Writer:
    """Writes one stream."""

    def __init__(
        self, container: OutputContainer, stream: VideoStream, rate: float, shape: tuple[int, ...], origin: float
    ) -> None:
        from av.video.reformatter import VideoReformatter

        self._container, self._stream, self._shape, self._origin = container, stream, shape, origin
        self._base = stream.codec_context.time_base or Fraction(1, _DEFAULT_TICKS)
        self._spacing = max(round(1 / (rate * float(self._base))), 1)
        self._lossless = stream.pix_fmt != _LOSSY_PIXELS
        self._converter: Any = VideoReformatter()
        self._last, self._frames = -1, 0

    def add(self, time: float, pixels: NDArray[np.uint8]) -> None:
        import av

        if pixels.shape != self._shape:
            height, width = self._shape[:2]
            raise InputError(f"frames of {pixels.shape[1]} x {pixels.shape[0]} follow on such of {width} x {height}")
        if not self._lossless:
            pixels = np.pad(pixels, ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)), mode="edge")
        frame = self._converted(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels)))
        self._last = max(round((time - self._origin) / float(self._base)), self._last + 1)
        frame.pts, frame.time_base, frame.duration = self._last, self._base, self._spacing
        self._container.mux(self._stream.encode(frame))
        self._frames += 1

    def finish(self) -> Encoded:
        self._container.mux(self._stream.encode(None))
        return Encoded(frames=self._frames, width=self._stream.width, height=self._stream.height)

    def _converted(self, picture: VideoFrame) -> VideoFrame:
        stream = self._stream
        if self._lossless:
            return cast("VideoFrame", self._converter.reformat(picture, format=stream.pix_fmt))
        return cast(
            "VideoFrame",
            self._converter.reformat(
                picture,
                stream.width,
                stream.height,
                _LOSSY_PIXELS,
                interpolation=_SCALER_FLAGS,
                dst_colorspace=_BT709,
                dst_color_range=_LIMITED,
                threads=1,
            ),
        )


def _stream(
    container: OutputContainer, coding: Coding, shape: tuple[int, ...], rate: float, threads: int
) -> VideoStream:
    import av

    name = _ENCODERS[coding.codec]
    if name not in av.codecs_available:
        raise DheadsError(f"this installation of PyAV has no encoder {name}: choose another codec")
    stream = cast("VideoStream", container.add_stream(name, rate=Fraction(rate).limit_denominator(1001)))
    even = 0 if coding.codec == "ffv1" else 1
    stream.height, stream.width = (side + (side & even) for side in shape[:2])
    stream.pix_fmt = "bgr0" if coding.codec == "ffv1" else _LOSSY_PIXELS
    stream.options = {**coding.options}
    context = stream.codec_context
    context.time_base, context.thread_count = Fraction(1, _TICKS.get(coding.codec, _DEFAULT_TICKS)), threads
    if coding.codec != "ffv1":
        context.colorspace, context.color_range = _BT709, _LIMITED
        context.color_primaries = context.color_trc = _BT709  # MP4 tells the matrix only beside these
    return stream
