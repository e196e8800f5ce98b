"""PNG files of float images: stored as they are, or compressed.

Compressing a picture takes about as long as distorting it. Bytes and time of one picture of 512x512, means over six
distortions at severity 3 of four photographs, one core, zlib 1.2.13:

    level 0   stored                            100 %    0.9 ms
    level 1   filter Sub, runs and Huffman       52 %    8 ms
    level 2+  Pillow: best filter for each row   50 %   20 ms, to 47 % and 50 ms at level 6
    (WebP)    lossless, level 0                  43 %   12 ms
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING
from zlib import adler32, crc32

import numpy as np

from distortion_heads.io.float_images import to_uint8

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from distortion_heads.spec import FloatImage

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_BLOCK = 0xFFFF
"""Bytes in a stored block of a deflate stream (RFC 1951, 3.2.4)."""
_SUB = 1


def png(image: FloatImage, compress: int = 0) -> bytes | bytearray:
    """Return the PNG (W3C specification, 8-bit RGB) of a float32 HWC RGB image in [0, 1], rounded as by `to_uint8`.

    `compress` is 0 (fastest) to 9 (smallest).
    """
    height, width = image.shape[:2]
    if compress > 1:
        return _by_pillow(image, compress)
    # Size, bits a sample, RGB, deflate, a filter for each row, not interlaced.
    head = _SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    if compress == 0 and 1 + 3 * width <= _MAX_BLOCK:
        return _stored(image, head)
    return b"".join((head, _chunk(b"IDAT", _runs(to_uint8(image))), _END))


def _stored(image: FloatImage, head: bytes) -> bytearray:
    """Return a file whose data is a zlib stream (RFC 1950) of blocks that are not compressed, each of whole rows.

    They are rounded, laid out and summed up block by block, so that intermediates stay in the processor's cache.
    """
    height, width = image.shape[:2]
    row = 1 + 3 * width
    rows = _MAX_BLOCK // row
    length = 2 + height * row + -(-height // rows) * 5 + 4
    file = bytearray(len(head) + 8 + length + 4 + len(_END))  # zeros: in front of a row they say that it has no filter
    struct.pack_into(f">{len(head)}sI4s2B", file, 0, head, length, b"IDAT", 0x78, 0x01)  # window of 32 KiB; fastest
    values = np.empty((rows, width, 3), np.float32)
    at, adler = len(head) + 10, 1
    for top in range(0, height, rows):
        count = min(rows, height - top)
        size = count * row
        struct.pack_into("<BHH", file, at, top + count == height, size, size ^ 0xFFFF)
        at += 5
        np.multiply(image[top : top + count], np.float32(255), out=values[:count])
        np.rint(values[:count], out=values[:count])
        np.frombuffer(file, np.uint8, size, at).reshape(count, row)[:, 1:] = values[:count].reshape(count, -1)
        adler = adler32(memoryview(file)[at : at + size], adler)
        at += size
    struct.pack_into(">I", file, at, adler)
    struct.pack_into(">I", file, at + 4, crc32(memoryview(file)[len(head) + 4 : at + 4]))
    file[-len(_END) :] = _END
    return file


def _runs(pixels: NDArray[np.uint8]) -> bytes:
    """Code differences of neighbours by run lengths and Huffman codes: searching for matches hardly pays in photos."""
    height, width = pixels.shape[:2]
    lines = np.empty((height, 1 + 3 * width), np.uint8)
    values = pixels.reshape(height, -1)
    lines[:, 0] = _SUB
    lines[:, 1:4] = values[:, :3]
    np.subtract(values[:, 3:], values[:, :-3], out=lines[:, 4:])
    deflate = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    return deflate.compress(lines.data) + deflate.flush()


def _by_pillow(image: FloatImage, level: int) -> bytes:
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(to_uint8(image)).save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", crc32(data, crc32(kind)))))


_END = _chunk(b"IEND", b"")
