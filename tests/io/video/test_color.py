"""Known colours in every matrix, range and depth come out as they went in; pictures stand upright."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from distortion_heads.io.video.color import RgbConverter, upright
from distortion_heads.io.video.options import VideoOptions
from distortion_heads.io.video.reader import open_video
from helpers.video_clips import write_clip

COLORS = np.array(
    [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 128, 128], [200, 60, 50], [30, 90, 220]]
)
LUMA = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}  # K_r, K_b of BT.709, BT.601, BT.2020
BLOCK = 16


def yuv_frame(pix_fmt: str, depth: int, matrix: int, full: bool, width: int = 0, height: int = BLOCK) -> Any:
    """`COLORS` side by side in squares, converted by the formulas of ITU-T H.273."""
    kr, kb = LUMA[matrix]
    r, g, b = COLORS.T / 255
    y = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))
    scale, top = 2 ** (depth - 8), 2**depth - 1
    if full:
        planes = [y * top, u * top + 128 * scale, v * top + 128 * scale]
    else:
        planes = [(16 + 219 * y) * scale, (128 + 224 * u) * scale, (128 + 224 * v) * scale]
    frame = av.VideoFrame(width or BLOCK * len(COLORS), height, pix_fmt)
    kind = np.dtype(np.uint8 if depth == 8 else np.uint16)
    for i, (plane, values) in enumerate(zip(frame.planes, planes, strict=True)):
        side = BLOCK // 2 if i and "420" in pix_fmt else BLOCK
        row = np.repeat(np.clip(np.rint(values), 0, top).astype(kind), side)
        raw = np.zeros((plane.height, plane.line_size // kind.itemsize), kind)
        raw[:, : len(row)] = row
        plane.update(raw.tobytes())
    frame.colorspace, frame.color_range = matrix, 2 if full else 1
    return frame


def colors_of(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The middle of each square; chroma of neighbours is mixed at the edges."""
    squares = pixels[:BLOCK, : BLOCK * len(COLORS)].reshape(BLOCK, len(COLORS), BLOCK, 3)
    middle = squares[4:-4, :, 4:-4].astype(np.int64)
    assert np.ptp(middle, axis=(0, 2)).max() <= 1
    return middle[0, :, 0]


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", LUMA)
@pytest.mark.parametrize(
    ("pix_fmt", "depth"), [("yuv420p", 8), ("yuv444p", 8), ("yuv420p10le", 10), ("yuv444p12le", 12)]
)
def test_colours_are_converted_to_within_one_level(pix_fmt: str, depth: int, matrix: int, full: bool) -> None:
    found = colors_of(RgbConverter()(yuv_frame(pix_fmt, depth, matrix, full)))
    assert np.abs(found - COLORS).max() <= 1


@pytest.mark.parametrize(("height", "matrix"), [(576, 6), (720, 1)])
def test_without_a_named_matrix_hd_is_bt709_and_less_is_bt601(height: int, matrix: int) -> None:
    frame = yuv_frame("yuv420p", 8, matrix, False, height=height)
    frame.colorspace, frame.color_range = 2, 0
    assert np.abs(colors_of(RgbConverter()(frame)) - COLORS).max() <= 1


def test_rgb_and_grey_frames() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (16, 32, 3)).astype(np.uint8)
    assert np.array_equal(RgbConverter()(av.VideoFrame.from_ndarray(picture, "rgb24")), picture)
    assert np.array_equal(RgbConverter()(av.VideoFrame.from_ndarray(picture[..., ::-1].copy(), "bgr24")), picture)
    grey = RgbConverter()(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[..., 0]), "gray"))
    assert np.array_equal(grey, np.repeat(picture[..., :1], 3, axis=2))


def test_sharp_chroma_is_interpolated() -> None:
    """Chroma at half the resolution gives no blocks of two equal columns along a slope."""
    frame = av.VideoFrame(64, 16, "yuv420p")
    for plane, values in zip(frame.planes, (np.full(64, 128), np.full(32, 128), np.arange(64, 192, 4)), strict=True):
        raw = np.zeros((plane.height, plane.line_size), np.uint8)
        raw[:, : len(values)] = values
        plane.update(raw.tobytes())
    red = RgbConverter()(frame)[8, 4:-4, 0].astype(int)
    assert (np.diff(red) > 0).all()


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "suffix"),
    [
        ("libx264", "yuv420p", "mp4"),
        ("libx265", "yuv420p10le", "mkv"),
        ("libvpx-vp9", "yuv444p", "webm"),
        ("ffv1", "bgr0", "avi"),
    ],
)
@pytest.mark.parametrize("matrix", [1, 6])
def test_colours_survive_real_codecs(tmp_path: Path, codec: str, pix_fmt: str, suffix: str, matrix: int) -> None:
    if pix_fmt == "bgr0":
        rgb = np.repeat(np.repeat(COLORS[None].astype(np.uint8), BLOCK, 0), BLOCK, 1)
        source = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb)).reformat(format="bgr0")
    else:
        source = yuv_frame(pix_fmt, 10 if "10" in pix_fmt else 8, matrix, False)
    path = tmp_path / f"clip.{suffix}"
    lossless = {
        "libx264": {"qp": "0"},
        "libx265": {"x265-params": "lossless=1:log-level=none"},
        "libvpx-vp9": {"lossless": "1"},
    }
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = source.width, source.height, pix_fmt
        stream.options = lossless.get(codec, {})
        if pix_fmt != "bgr0":
            stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 1
        for i in range(3):
            source.pts = i
            container.mux(stream.encode(source))
        container.mux(stream.encode(None))
    video = open_video(path, VideoOptions())
    frames = list(video.frames())
    video.close()
    assert len(frames) == 3
    assert video.damage is None
    assert np.abs(colors_of(frames[1].pixels) - COLORS).max() <= 1


TURNS = [  # degrees against the clock, mirrored, upside down; where the upper left corner goes; whether sides swap
    (0, False, False, "upper left", False),
    (90, False, False, "lower left", True),
    (180, False, False, "lower right", False),
    (-90, False, False, "upper right", True),
    (0, True, False, "upper right", False),
    (0, False, True, "lower left", False),
]


@pytest.mark.parametrize(("degrees", "mirrored", "flipped", "corner", "swapped"), TURNS)
def test_the_display_matrix_is_honoured(
    tmp_path: Path, degrees: int, mirrored: bool, flipped: bool, corner: str, swapped: bool
) -> None:
    picture = np.full((48, 64, 3), 20, np.uint8)
    picture[:16, :16] = 220
    path = write_clip(
        tmp_path / "turned.mp4",
        [picture] * 2,
        prepare=lambda stream: stream.set_display_rotation(degrees, mirrored, flipped),
    )
    video = open_video(path, VideoOptions())
    pixels = next(video.frames()).pixels
    video.close()
    assert pixels.shape == ((64, 48, 3) if swapped else (48, 64, 3))
    assert pixels.flags.c_contiguous
    bright = {
        f"{row} {column}": pixels[y, x].mean() > 150
        for row, y in (("upper", 4), ("lower", -5))
        for column, x in (("left", 4), ("right", -5))
    }
    assert [name for name, value in bright.items() if value] == [corner]


def test_upright_has_all_eight_positions() -> None:
    picture = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    matrices = [(a, 0, 0, d) for a in (1, -1) for d in (1, -1)] + [(0, b, c, 0) for b in (1, -1) for c in (1, -1)]
    assert len({upright(picture, matrix).tobytes() for matrix in matrices}) == 8
    assert np.array_equal(upright(picture, (0, -1, 1, 0)), np.rot90(picture))
    assert np.array_equal(upright(picture, (0, 1, -1, 0)), np.rot90(picture, -1))
