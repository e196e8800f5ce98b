"""Raw files of cameras, told by their content.

Most are TIFF files whose first picture is a small preview, which a reader of TIFF takes for the picture.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import IO

_STARTS = (
    (b"IIRO", "ORF"),
    (b"IIRS", "ORF"),
    (b"MMOR", "ORF"),
    (b"IIU\x00", "RW2"),
    (b"FUJIFILMCCD-RAW", "RAF"),
    (b"FOVb", "X3F"),
    (b"\x00MRM", "MRW"),
    (b"II\x1a\x00\x00\x00HEAPCCDR", "CRW"),
)
_NEW_SUBFILE_TYPE, _PHOTOMETRIC, _MAKE, _SUB_IFDS, _DNG_VERSION = 254, 262, 271, 330, 50706
_SENSOR = frozenset((32803, 34892))
"""Values of PhotometricInterpretation: the mosaic of a sensor, and what became of it (TIFF/EP; DNG 1.7)."""

_REDUCED = 1
_NAMES = ((b"NIKON", "NEF"), (b"SONY", "ARW"), (b"PENTAX", "PEF"), (b"RICOH", "PEF"), (b"SAMSUNG", "SRW"))
_MOST_ENTRIES, _MOST_SUB_IFDS, _MAKE_BYTES = 512, 16, 64
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8}
"""Bytes of a value by its TIFF type, for the types that the tags read here have."""


def raw_file_name(head: bytes, stream: IO[bytes]) -> str | None:
    """Return the usual suffix of such files if this is one, else None; `head` is how the seekable stream begins."""
    name = next((name for start, name in _STARTS if head.startswith(start)), None)
    if name is not None or head[:2] not in (b"II", b"MM"):
        return name
    tiff = _Tiff(head, stream)
    if not tiff.known:
        return None
    if head[8:10] == b"CR":
        return "CR2"
    if head[8:12] == b"IIII":
        return "IIQ"
    return _by_tags(tiff)


def _by_tags(tiff: _Tiff) -> str | None:
    tags = tiff.tags(tiff.first)
    if _DNG_VERSION in tags:
        return "DNG"
    below = [tiff.tags(at) for at in tags.get(_SUB_IFDS, ())[:_MOST_SUB_IFDS]]
    sensor = any(value in _SENSOR for part in (tags, *below) for value in part.get(_PHOTOMETRIC, ()))
    preview = bool(below) and bool(tags.get(_NEW_SUBFILE_TYPE, (0,))[0] & _REDUCED)
    if not (sensor or preview):
        return None
    make = bytes(value & 0xFF for value in tags.get(_MAKE, ())).upper()
    return next((name for start, name in _NAMES if make.startswith(start)), "TIFF/EP")


class _Tiff:
    """Reads a few tags of TIFF and BigTIFF directories; what is damaged is as if it were not there."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self._stream, self._order = stream, "<" if head[:2] == b"II" else ">"
        self._big = len(head) >= 16 and self._number(head[2:4]) == 43
        self.known = self._big or (len(head) >= 8 and self._number(head[2:4]) == 42)
        self.first = self._number(head[8:16] if self._big else head[4:8]) if self.known else 0

    def _number(self, data: bytes) -> int:
        return int.from_bytes(data, "little" if self._order == "<" else "big")

    def _at(self, place: int, size: int) -> bytes:
        try:
            self._stream.seek(place)
            return self._stream.read(size)
        except (OSError, ValueError, OverflowError):
            return b""

    def tags(self, place: int) -> Mapping[int, tuple[int, ...]]:
        """Return the values of the tags that are read here, of the directory at `place`."""
        count_size, entry = (8, 20) if self._big else (2, 12)
        count = min(self._number(self._at(place, count_size)), _MOST_ENTRIES)
        data = self._at(place + count_size, count * entry)
        found: dict[int, tuple[int, ...]] = {}
        for at in range(0, len(data) - entry + 1, entry):
            tag, kind = struct.unpack_from(f"{self._order}HH", data, at)
            if tag in (_NEW_SUBFILE_TYPE, _PHOTOMETRIC, _MAKE, _SUB_IFDS, _DNG_VERSION) and kind in _SIZES:
                found[tag] = self._values(data[at + 4 : at + entry], _SIZES[kind])
        return found

    def _values(self, rest: bytes, size: int) -> tuple[int, ...]:
        """Return the values of an entry, which lie in it or, where there is no room, elsewhere."""
        room = len(rest) // 2  # as many bytes count the values as hold them, or their place
        count = min(self._number(rest[:room]), _MAKE_BYTES)
        data = rest[room:] if count * size <= room else self._at(self._number(rest[room:]), count * size)
        return tuple(self._number(data[i : i + size]) for i in range(0, min(len(data), count * size) - size + 1, size))
