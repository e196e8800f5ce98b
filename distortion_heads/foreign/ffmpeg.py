"""FFmpeg through PyAV: filters, and video codecs on clips of one frame."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from distortion_heads._system.scheduling import as_before
from distortion_heads.foreign.base import ForeignOperator, Level, Pixels, operator

FILTERS = (
    ("gblur", "blur", "1.8", "4"),
    ("avgblur", "blur", "2", "6"),
    ("dblur", "blur", "angle=30:radius=5", "angle=30:radius=16"),
    ("noise", "noise", "alls=18:allf=t", "alls=45:allf=t"),
    ("vignette", "light", "PI/3.2", "PI/2.4"),
    ("unsharp", "sharpness", "5:5:2.5", "7:7:4.5"),
    ("cas", "sharpness", "0.97", "1"),
    ("exposure", "exposure", "1.1", "2.2"),
    ("colorchannelmixer", "color", "rr=1.25:bb=0.75", "rr=1.6:bb=0.45"),
    (
        "colorbalance",
        "color",
        "rs=0.3:rm=0.3:rh=0.3:bs=-0.2:bm=-0.2:bh=-0.2",
        "rs=0.7:rm=0.7:rh=0.7:bs=-0.6:bm=-0.6:bh=-0.6",
    ),
    ("colortemperature", "color", "temperature=3200", "temperature=1800"),
    ("rgbashift", "color", "rh=-3:bh=3", "rh=-8:bh=8:gv=3"),
    ("pixelize", "spatial", "w=4:h=4", "w=9:h=9"),
)

ENCODERS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "libx264": ("h264", {"crf": "36"}, {"crf": "45"}),
    "libx265": ("hevc", {"x265-params": "crf=38:log-level=none"}, {"x265-params": "crf=46:log-level=none"}),
    "libsvtav1": ("libdav1d", {"crf": "52"}, {"crf": "62"}),
    "libvpx-vp9": ("vp9", {"crf": "55", "b": "0"}, {"crf": "63", "b": "0"}),
    "mpeg2video": ("mpeg2video", {"q": "14"}, {"q": "31"}),
    "mpeg4": ("mpeg4", {"q": "12"}, {"q": "31"}),
    "mjpeg": ("mjpeg", {"q": "14"}, {"q": "31"}),
}
"""Decoder and options of each encoder; `q` fixes the quantizer, `b` is the bit rate."""


def operators() -> Iterator[ForeignOperator]:
    """Yield those that this FFmpeg has."""
    import av

    for name, family, mild, strong in FILTERS:
        if name in av.filter.filters_available:
            yield operator("ffmpeg", name, family, partial(_filtered, name=name, settings=(mild, strong)))
    missing = absent()
    for name, (decoder, *options) in ENCODERS.items():
        if name not in missing:
            yield operator("ffmpeg", name, "compression", partial(_coded, name=name, decoder=decoder, options=options))


def absent() -> tuple[str, ...]:
    """Return the encoders that this FFmpeg lacks, or whose decoder it lacks."""
    import av

    return tuple(name for name, codec in ENCODERS.items() if not {name, codec[0]} <= set(av.codecs_available))


def _filtered(pixels: Pixels, level: Level, name: str, settings: tuple[str, str]) -> Any:
    import av

    graph = av.filter.Graph()
    height, width = pixels.shape[:2]
    source = graph.add("buffer", f"video_size={width}x{height}:pix_fmt=rgb24:time_base=1/25:pixel_aspect=1/1")
    last: Any = source
    for node in (graph.add(name, settings[level]), graph.add("format", "rgb24"), graph.add("buffersink")):
        last.link_to(node)
        last = node
    graph.configure()
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
    frame.pts = 0
    source.push(frame)
    source.push(None)
    return last.pull().to_ndarray(format="rgb24")


def _coded(pixels: Pixels, level: Level, name: str, decoder: str, options: Any) -> Any:
    """Encode one key frame and decode it; a row or column is repeated where the codec wants even sizes."""
    import av

    height, width = pixels.shape[:2]
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    settings = dict(options[level])
    form = "yuvj420p" if name == "mjpeg" else "yuv420p"
    encoder: Any = av.CodecContext.create(name, "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = (
        even.shape[1],
        even.shape[0],
        form,
        Fraction(1, 25),
    )
    encoder.framerate, encoder.gop_size = Fraction(25), 1
    if "q" in settings:
        encoder.qmin = encoder.qmax = int(settings.pop("q"))
        encoder.flags |= 2  # a fixed quantizer
    if "b" in settings:
        encoder.bit_rate = int(settings.pop("b"))
    encoder.thread_count, encoder.options = 1, settings
    with as_before():
        encoder.open()
    frame = av.VideoFrame.from_ndarray(even, "rgb24").reformat(format=form)
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    reader: Any = av.CodecContext.create(decoder, "r")
    reader.extradata = encoder.extradata
    frames = [made for packet in [*packets, None] for made in reader.decode(packet)]
    return frames[0].to_ndarray(format="rgb24")[:height, :width]
