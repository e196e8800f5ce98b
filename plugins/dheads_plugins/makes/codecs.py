"""Codecs beyond one JPEG: other tables, twice, on a shifted grid, reduced afterwards; WebP, AVIF, and video codecs."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from dheads_plugins._codec import to_pillow
from distortion_heads.synthesis.afterwards import Pixels, jpeg_once, stored
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import pick

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

JPEG_QUALITY = (45.0, 32.0, 22.0, 12.0, 5.0)
WEBP_QUALITY = (40.0, 22.0, 12.0, 5.0, 0.0)
AVIF_QUALITY = (45.0, 32.0, 22.0, 12.0, 4.0)
X264_CRF = (30.0, 34.0, 38.0, 43.0, 50.0)
X265_CRF = (31.0, 35.0, 39.0, 44.0, 50.0)
MPEG_SCALE = (8.0, 12.0, 17.0, 24.0, 31.0)


def to_floats(pixels: Pixels) -> FloatImage:
    """Bytes to floats in [0, 1]."""
    return pixels.astype(np.float32) / np.float32(255)


def video_frame(pixels: Pixels, codec: str, options: dict[str, str], count: int = 1) -> Pixels:
    """The last of `count` frames of a still scene, uint8 RGB (H, W, 3), coded by a video codec and decoded again."""
    import av

    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = padded.shape[1], padded.shape[0], "yuv420p"
    encoder.time_base, encoder.thread_count = Fraction(1, 25), 1
    encoder.options = options
    packets = []
    for index in range(count):
        frame = av.VideoFrame.from_ndarray(padded, "rgb24").reformat(format="yuv420p", dst_colorspace="ITU709")
        frame.pts = index
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder: Any = av.CodecContext.create({"libx264": "h264", "libx265": "hevc"}.get(codec, codec), "r")
    decoder.thread_count = 1
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    frames = [frame for packet in packets for frame in decoder.decode(packet)] + list(decoder.decode(None))
    decoded = frames[-1].reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
    return np.ascontiguousarray(decoded[:height, :width])


def jpeg_table(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """JPEG with another program's table of quantisation: flat, steep, or the standard one of another quality."""
    quality = at_severity(JPEG_QUALITY, severity)
    scale = 50 / quality if quality < 50 else 2 - quality / 50
    y, x = np.mgrid[0:8, 0:8]
    steep = rng.uniform(0.0, 9.0)
    table = np.clip(scale * (10 + steep * (y + x) + rng.uniform(0, 4)), 1, 255).astype(int)
    chroma = np.clip(table * rng.uniform(1.0, 2.0), 1, 255).astype(int)
    tables = [table.ravel().tolist(), chroma.ravel().tolist()]
    return to_floats(stored(np.asarray(to_pillow(image)), "JPEG", qtables=tables, subsampling=int(rng.integers(0, 3))))


def jpeg_twice(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """JPEG, cut by a few pixels so that the grid of blocks lies elsewhere, and JPEG of a good quality again."""
    pixels = np.pad(np.asarray(to_pillow(image)), ((8, 8), (8, 8), (0, 0)), mode="reflect")
    first = jpeg_once(pixels, round(at_severity(JPEG_QUALITY, severity) * rng.uniform(0.8, 1.0)), rng)
    top, left = (int(value) for value in rng.integers(1, 9, 2))
    moved = first[top : top + pixels.shape[0] - 16, left : left + pixels.shape[1] - 16]
    again = jpeg_once(np.ascontiguousarray(moved), int(rng.integers(80, 97)), rng)
    return to_floats(again)


def jpeg_reduced(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """JPEG of an enlarged picture, reduced afterwards: blocks that are no longer of eight pixels."""
    from PIL import Image

    height, width, _ = image.shape
    factor = rng.uniform(1.1, 1.9)
    size = (round(width * factor), round(height * factor))
    large = to_pillow(image).resize(size, Image.Resampling.BICUBIC)
    stored = jpeg_once(np.asarray(large), max(2, round(at_severity(JPEG_QUALITY, severity) * 0.7)), rng)
    small = Image.fromarray(stored).resize((width, height), Image.Resampling.LANCZOS)
    return to_floats(np.asarray(small))


def jpeg_plain(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """JPEG once more, of a quality between those of the levels."""
    return to_floats(jpeg_once(np.asarray(to_pillow(image)), max(1, round(at_severity(JPEG_QUALITY, severity))), rng))


def webp(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """WebP: smeared texture, blocks of four and sixteen pixels."""
    quality = round(at_severity(WEBP_QUALITY, severity))
    return to_floats(stored(np.asarray(to_pillow(image)), "WEBP", quality=quality, method=int(rng.integers(0, 5))))


def avif(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """AVIF: texture smoothed away, directional smears."""
    quality = round(at_severity(AVIF_QUALITY, severity))
    return to_floats(
        stored(np.asarray(to_pillow(image)), "AVIF", quality=quality, speed=int(rng.integers(7, 11)), max_threads=1)
    )


def h264(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """A frame of H.264 video, a key frame or a later one."""
    options = {"crf": f"{at_severity(X264_CRF, severity):.0f}", "preset": "veryfast", "tune": "zerolatency"}
    return to_floats(video_frame(np.asarray(to_pillow(image)), "libx264", options, int(rng.integers(1, 4))))


def hevc(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """HEVC intra, as HEIF pictures have it."""
    options = {
        "crf": f"{at_severity(X265_CRF, severity):.0f}",
        "preset": "veryfast",
        "x265-params": "log-level=none:pools=none:frame-threads=1:keyint=1",
    }
    return to_floats(video_frame(np.asarray(to_pillow(image)), "libx265", options))


def mpeg(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """A frame of MPEG-2 or MPEG-4 video: blocks as JPEG has them, with other tables."""
    scale = round(at_severity(MPEG_SCALE, severity))
    codec = pick(rng, ((0.5, "mpeg2video"), (0.5, "mpeg4")))
    options = {"qmin": str(scale), "qmax": str(scale)}
    return to_floats(video_frame(np.asarray(to_pillow(image)), codec, options, int(rng.integers(1, 3))))
