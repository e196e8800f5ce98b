"""How long a file says that it is, and whether all of it is there: read from its own sizes, never guessed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_COUNTED_FROM_ZERO = frozenset({"matroska,webm", "nut"})
"""Formats whose duration is the time stamp of the end, wherever the stream begins."""

_TAG = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_MP4_FIRST = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp"})


def beginning(container: InputContainer, stream: VideoStream, first: Packet[VideoStream] | None) -> float | None:
    """Return the stamp of time 0 in seconds, if anything says: that of the `first` packet that no edit cuts away."""
    if first is not None and first.pts is not None and first.time_base is not None and not first.is_discard:
        return float(first.pts * first.time_base)
    if stream.start_time is not None and stream.time_base is not None:
        return float(stream.start_time * stream.time_base)
    return None if container.start_time is None else container.start_time / 1e6


def stated_length(container: InputContainer, stream: VideoStream, origin: float | None) -> float | None:
    """Return the seconds from `origin`, the stamp of the first picture, to the end of the stream, as the file says."""
    begins = float(stream.start_time * stream.time_base) if stream.start_time is not None and stream.time_base else None
    first = origin if origin is not None else begins or 0.0
    end = _stated_end(container, stream)
    if end is None:
        return None
    if container.format.name not in _COUNTED_FROM_ZERO:
        end += first if begins is None else begins
    return end - first if end > first else None


def _stated_end(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the stream's duration in seconds, or the stamp of its end in formats that count from zero."""
    tag = _TAG.fullmatch(stream.metadata.get("DURATION", ""))  # of this track alone, where Matroska has it
    if tag is not None:
        hours, minutes, seconds = map(float, tag.groups())
        return hours * 3600 + minutes * 60 + seconds
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / 1e6
    return None


def is_whole(path: str) -> bool | None:
    """Return whether a Matroska, AVI or MP4 file is as long as its own sizes say; None where no size is written."""
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        head = file.read(12)
        if head[:4] == b"RIFF":
            return size >= 8 + int.from_bytes(head[4:8], "little")
        file.seek(0)
        if head[:4] == _EBML:
            return _matroska_is_whole(file, size)
        return _mp4_is_whole(file, size) if head[4:8] in _MP4_FIRST else None


def _mp4_is_whole(file: BinaryIO, size: int) -> bool | None:
    place = 0
    while place < size:
        file.seek(place)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:  # 64 bits follow
            length = int.from_bytes(head[8:16], "big")
        if length == 0 and len(head) >= 8:  # to the end of the file, wherever that is
            return None
        if length < 8:
            return False
        place += length
    return place == size


def _matroska_is_whole(file: BinaryIO, size: int) -> bool | None:
    file.seek(len(_EBML))
    header = _vint(file)
    if header is None:
        return None
    file.seek(header, 1)
    if file.read(len(_SEGMENT)) != _SEGMENT:
        return None
    length = _vint(file)
    return None if length is None else size >= file.tell() + length


def _vint(file: BinaryIO) -> int | None:
    """Read EBML's number of variable length; None where it says "unknown", as in a live stream, or nothing."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & ((1 << (7 - more)) - 1)]) + file.read(more), "big")
    return None if value == (1 << (7 * (more + 1))) - 1 else value
