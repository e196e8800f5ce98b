"""How the colours of a still picture are coded, where its container says so: PNG's cICP, and colr in AVIF and HEIC."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from distortion_heads.io.video.tone import BT2020, CURVES, HLG, PQ, Curve, to_sdr

if TYPE_CHECKING:
    from numpy.typing import NDArray

CODING = "cicp"
"""Key of primaries and transfer, numbers of ITU-T H.273, in the `info` of an opened picture."""

_SEARCHED = 1 << 16
"""Bytes of a file in which its container says this: ahead of the pixels."""

_PNG = b"\x89PNG\r\n\x1a\n"
_UNKNOWN = 2


@dataclass(frozen=True)
class Tone:
    """The way of a picture to SDR, if it needs one; `notes` say it to the user."""

    curve: Curve | None = None
    notes: tuple[str, ...] = ()

    def in_sdr(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Convert uint8 (H, W, 3) as it is coded to sRGB."""
        return pixels if self.curve is None else to_sdr(pixels.astype(np.uint16) * 257, self.curve)


def read_coding(stream: IO[bytes]) -> tuple[int, int] | None:
    """Return the numbers of primaries and transfer that a file names, or None. Any stream that can be sought."""
    stream.seek(0)
    head = stream.read(_SEARCHED)
    if head.startswith(_PNG):
        return _of_png(head)
    if head[4:8] == b"ftyp":
        place = head.find(b"colrnclx") + len(b"colrnclx")
        if place >= len(b"colrnclx") and len(head) >= place + 4:
            primaries, transfer = struct.unpack_from(">HH", head, place)
            return primaries, transfer
    return None


def tone_of(image: Image.Image) -> Tone:
    """Return what an opened picture needs: tone-mapping where its transfer is PQ or HLG."""
    coding: Any = image.info.get(CODING)
    if not isinstance(coding, tuple) or coding[1] not in (PQ, HLG):
        return Tone()
    primaries, transfer = coding
    curve: Curve = "pq" if transfer == PQ else "hlg"
    if primaries not in (BT2020, _UNKNOWN):
        name = "PQ" if transfer == PQ else "HLG"
        return Tone(notes=(f"HDR ({name}) of primaries {primaries}, which cannot be converted: judged as stored",))
    return Tone(curve=curve, notes=(CURVES[curve],))


def _of_png(head: bytes) -> tuple[int, int] | None:
    place = len(_PNG)
    while place + 12 <= len(head):
        length, kind = struct.unpack_from(">I4s", head, place)
        if kind == b"IDAT":
            return None
        if kind == b"cICP" and length == 4:
            return head[place + 8], head[place + 9]
        place += 12 + length
    return None
