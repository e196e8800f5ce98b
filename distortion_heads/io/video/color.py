"""Decoded frames to upright RGB, uint8 (H, W, 3).

The matrix (BT.601, BT.709, BT.2020) and the range (limited, full) are those that the stream names. A stream that names
no matrix has BT.709 from 720 lines on and BT.601 below, as players assume. Deeper samples are rounded to 8 bits.
Chroma is interpolated, and nothing is off by more than one level; swscale's default is off by up to three and repeats
chroma samples, which leaves blocks of 2 x 2. Alpha is dropped; HDR curves (PQ, HLG) and interlacing stay as stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

_BT709, _UNSPECIFIED = 1, 2
"""Matrix coefficients of ITU-T H.273."""

_HD_LINES = 720

_SCALER_FLAGS = 0x2 | 0x2000 | 0x40000
"""SWS_BILINEAR, SWS_FULL_CHR_H_INT and SWS_ACCURATE_RND of swscale.h; older PyAV has no names for the last two."""

_FULL_RANGE = 2


class RgbConverter:
    """Converts the frames of one video; not safe to share between threads."""

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()
        self._rotation: int | None = None
        self._matrix: tuple[int, int, int, int] | None = None

    def __call__(self, frame: VideoFrame) -> NDArray[np.uint8]:
        if frame.colorspace == _UNSPECIFIED and not frame.format.is_rgb and frame.height >= _HD_LINES:
            frame.colorspace = _BT709
        rgb = self._reformatter.reformat(
            frame, format="rgb24", interpolation=_SCALER_FLAGS, dst_color_range=_FULL_RANGE, threads=1
        )
        # A frame that was asked for its side data is in a cycle of references, and stays in memory until that is
        # collected, hundreds of frames later.
        if self._rotation != frame.rotation:
            self._rotation, self._matrix = frame.rotation, display_matrix(frame)
        return upright(cast("NDArray[np.uint8]", rgb.to_ndarray()), self._matrix)


def display_matrix(frame: VideoFrame) -> tuple[int, int, int, int] | None:
    """Return the signs of a, b, c, d in x' = a x + c y, y' = b x + d y (ISO/IEC 14496-12, 8.3.2; y points down)."""
    side_data: Any = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return None
    values = np.frombuffer(bytes(side_data), np.int32)
    if len(values) < 9:
        return None
    a, b, c, d = (int(values[i]) for i in (0, 1, 3, 4))
    turned = abs(b) + abs(c) > abs(a) + abs(d)
    return (0, _sign(b), _sign(c), 0) if turned else (_sign(a), 0, 0, _sign(d))


def upright(pixels: NDArray[np.uint8], matrix: tuple[int, int, int, int] | None) -> NDArray[np.uint8]:
    """Turn and flip as `display_matrix` says, to the nearest quarter turn."""
    if matrix is None or matrix == (1, 0, 0, 1):
        return pixels
    a, b, c, d = matrix
    if b or c:
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
