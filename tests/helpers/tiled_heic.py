"""A HEIC of several tiles, as telephones write them: tiles coded by x265, the container written here.

ISO/IEC 14496-12 (boxes), 14496-15 (HEVC in them) and 23008-12 (HEIF: `grid` items, 6.6.2.3).
"""

from __future__ import annotations

import struct
from itertools import product

import av
import numpy as np
from numpy.typing import NDArray

GRID, PIXI_BITS = 1, 8


def tiled_heic(picture: NDArray[np.uint8], side: int) -> bytes:
    """Return a HEIC with uint8 (H, W, 3) in tiles of `side`; those at the edges are filled by their last pixels."""
    height, width = picture.shape[:2]
    rows, columns = -(-height // side), -(-width // side)
    filled = np.pad(picture, ((0, rows * side - height), (0, columns * side - width), (0, 0)), mode="edge")
    places = product(range(rows), range(columns))
    coded = [_coded(filled[row * side : (row + 1) * side, column * side :][:, :side]) for row, column in places]
    tiles = [tile for _, tile in coded]
    numbers = range(GRID + 1, GRID + 1 + len(tiles))
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    items = [_full("infe", _u16(GRID) + _u16(0) + b"grid\0", version=2)]
    items += [_full("infe", _u16(number) + _u16(0) + b"hvc1\0", version=2, flags=1) for number in numbers]
    properties = [
        _box("hvcC", coded[0][0]),
        _full("ispe", struct.pack(">II", side, side)),
        _full("ispe", struct.pack(">II", width, height)),
        _box("colr", b"nclx" + struct.pack(">HHHB", 1, 13, 6, 0x80)),
        _full("pixi", bytes((3, PIXI_BITS, PIXI_BITS, PIXI_BITS))),
    ]
    used = [_u16(GRID) + bytes((3, 3, 4, 5))]
    used += [_u16(number) + bytes((3, 0x80 | 1, 2, 4)) for number in numbers]  # 0x80: needed to decode it
    file_type = _box("ftyp", b"heic" + _u32(0) + b"mif1heic")

    def meta(begin: int) -> bytes:
        """The items, of which the coded ones lie one after the other from `begin` on; the grid is in `idat`."""
        lengths = [len(tile) for tile in tiles]
        begins = begin + np.cumsum([0, *lengths[:-1]])
        places = [_u16(GRID) + _u16(1) + _u16(0) + _u16(1) + _u32(0) + _u32(len(grid))]
        places += [
            _u16(number) + _u16(0) + _u16(0) + _u16(1) + _u32(int(at)) + _u32(length)
            for number, at, length in zip(numbers, begins, lengths, strict=True)
        ]
        parts = _u16(GRID) + _u16(len(tiles)) + b"".join(map(_u16, numbers))
        return _full(
            "meta",
            _full("hdlr", _u32(0) + b"pict" + bytes(13))
            + _full("pitm", _u16(GRID))
            + _full("iloc", b"\x44\x00" + _u16(len(places)) + b"".join(places), version=1)
            + _full("iinf", _u16(len(items)) + b"".join(items))
            + _full("iref", _box("dimg", parts))
            + _box("iprp", _box("ipco", b"".join(properties)) + _full("ipma", _u32(len(used)) + b"".join(used)))
            + _box("idat", grid),
        )

    begin = len(file_type) + len(meta(0)) + 8
    return file_type + meta(begin) + _box("mdat", b"".join(tiles))


def _coded(tile: NDArray[np.uint8]) -> tuple[bytes, bytes]:
    """Return the configuration record and the coded slices of one picture, each with its length before it."""
    coder = av.CodecContext.create("libx265", "w")
    coder.height, coder.width = tile.shape[:2]
    coder.pix_fmt, coder.framerate = "yuv420p", 1
    coder.options = {"crf": "4", "x265-params": "log-level=none:keyint=1:info=0:range=full:pools=none:frame-threads=1"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(tile), format="rgb24")
    frame = frame.reformat(format="yuv420p", dst_colorspace="ITU601", dst_color_range="JPEG")
    stream = b"".join(bytes(packet) for packet in [*coder.encode(frame), *coder.encode(None)])
    units = [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1") if unit.rstrip(b"\0")]
    kinds = [unit[0] >> 1 & 63 for unit in units]
    sets = {kind: unit for kind, unit in zip(kinds, units, strict=True) if kind in (32, 33, 34)}
    slices = [_u32(len(unit)) + unit for kind, unit in zip(kinds, units, strict=True) if kind < 32]
    arrays = [bytes((0x80 | kind,)) + _u16(1) + _u16(len(sets[kind])) + sets[kind] for kind in (32, 33, 34)]
    profile = _unescaped(sets[33])[3:15]  # general_profile_space to general_level_idc
    fixed = struct.pack(">HBBBBHB", 0xF000, 0xFC, 0xFC | 1, 0xF8, 0xF8, 0, 0x0F)
    return bytes((1,)) + profile + fixed + bytes((len(arrays),)) + b"".join(arrays), b"".join(slices)


def _unescaped(unit: bytes) -> bytes:
    return unit.replace(b"\0\0\3", b"\0\0")


def _box(name: str, content: bytes) -> bytes:
    return _u32(8 + len(content)) + name.encode() + content


def _full(name: str, content: bytes, *, version: int = 0, flags: int = 0) -> bytes:
    return _box(name, bytes((version,)) + flags.to_bytes(3) + content)


def _u16(value: int) -> bytes:
    return value.to_bytes(2)


def _u32(value: int) -> bytes:
    return value.to_bytes(4)
