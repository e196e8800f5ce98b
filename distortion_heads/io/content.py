"""Tell what a file is by its first bytes, whatever its name says; nothing is decoded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Literal, TypeAlias

from distortion_heads.io.raw_files import raw_file_name

Kind: TypeAlias = Literal["picture", "video", "unread", "other"]

HEIF, AVIF, WEBP = "HEIF", "AVIF", "WebP"

_HEAD_BYTES = 4096

_WITH_AN = ("A", "E", "I", "O", "a", "e", "i", "o", "HTML", "MP", "MX", "SVG", "XCF")


@dataclass(frozen=True)
class Content:
    """The content of a file: `name` without an article; `advice` where something has to be done first.

    `kind`: "picture" and "video" are read here, "unread" is a picture of a type that is not, "other" is no picture.
    """

    kind: Kind
    name: str
    advice: str = ""

    def __str__(self) -> str:
        article = "an" if self.name.startswith(_WITH_AN) else "a"
        noun = {"picture": " picture", "video": " video"}.get(self.kind, "")
        return f"{article} {self.name}{noun}" + (f": {self.advice}" if self.advice else "")


_RAW_ADVICE = "develop it to TIFF, PNG or JPEG first, for its preview does not show what the sensor recorded"
_CONVERT = "convert it to PNG or TIFF first"

_STARTS: tuple[tuple[bytes, Content], ...] = (
    (b"\xff\xd8\xff", Content("picture", "JPEG")),
    (b"\x89PNG\r\n\x1a\n", Content("picture", "PNG")),
    (b"GIF87a", Content("picture", "GIF")),
    (b"GIF89a", Content("picture", "GIF")),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", Content("picture", "JPEG 2000")),
    (b"\xff\x4f\xff\x51\x00", Content("picture", "JPEG 2000")),
    (b"qoif", Content("picture", "QOI")),
    (b"DDS \x7c\x00\x00\x00", Content("picture", "DDS")),
    (b"8BPS\x00\x01", Content("picture", "Photoshop")),
    (b"8BPS\x00\x02", Content("unread", "large Photoshop picture (PSB)", _CONVERT)),
    (b"SIMPLE  =", Content("picture", "FITS")),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", Content("unread", "JPEG XL picture", _CONVERT)),
    (b"\xff\x0a", Content("unread", "JPEG XL picture", _CONVERT)),
    (b"\x76\x2f\x31\x01", Content("unread", "OpenEXR picture", "map its tones to 8 bits and " + _CONVERT)),
    (b"#?RADIANCE", Content("unread", "Radiance HDR picture", "map its tones to 8 bits and " + _CONVERT)),
    (b"#?RGBE", Content("unread", "Radiance HDR picture", "map its tones to 8 bits and " + _CONVERT)),
    (b"II\xbc\x01", Content("unread", "JPEG XR picture", _CONVERT)),
    (b"gimp xcf", Content("unread", "XCF picture of GIMP", _CONVERT)),
    (b"AT&TFORM", Content("unread", "DjVu document", "convert its pages to PNG or TIFF first")),
    (b"BPG\xfb", Content("unread", "BPG picture", _CONVERT)),
    (b"\x1a\x45\xdf\xa3", Content("video", "Matroska or WebM")),
    (b"FLV\x01", Content("video", "FLV")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Content("video", "Windows Media")),
    (b"\x00\x00\x01\xba", Content("video", "MPEG")),
    (b"\x00\x00\x01\xb3", Content("video", "MPEG")),
    (b"DKIF\x00\x00", Content("video", "IVF")),
    (b"YUV4MPEG2 ", Content("video", "YUV4MPEG2")),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", Content("video", "MXF")),
    (b"nut/multimedia container", Content("video", "NUT")),
    (b".RMF\x00\x00", Content("video", "RealMedia")),
    (b"ID3", Content("other", "audio file")),
    (b"fLaC", Content("other", "audio file")),
    (b"%PDF-", Content("other", "PDF document", "convert its pages to PNG or TIFF first")),
    (b"%!PS", Content("other", "PostScript drawing", "render it to PNG first; it is a program, which is not run here")),
    (b"\xc5\xd0\xd3\xc6", Content("other", "PostScript drawing", "render it to PNG first")),
    (b"PK\x03\x04", Content("other", "ZIP archive", "unpack it first")),
    (b"\x1f\x8b\x08", Content("other", "gzip archive", "unpack it first")),
    (b"version https://git-lfs", Content("other", "Git LFS pointer, not the file itself", "run git lfs pull")),
)

_BRANDS: dict[bytes, Content] = {
    **dict.fromkeys((b"avif", b"avis"), Content("picture", AVIF)),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), Content("picture", HEIF)),
    b"crx ": Content("unread", "raw camera file (CR3)", _RAW_ADVICE),
    **dict.fromkeys((b"M4A ", b"M4B "), Content("other", "audio file")),
}
_ATOMS = frozenset((b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"))
"""With one of these, instead of its brands, begin old QuickTime files."""

_LEAST_LETTER = 0x20
"""The first byte of a length in a file is less, and a text may well begin with "The free"."""

_UNREAD = (
    ".3fr .arw .bpg .cr2 .cr3 .crw .dcr .djvu .dng .erf .exr .fff .hdr .heic .heif .hif .iiq .jxl .jxr .k25 .kdc "
    ".mef .mos .mrw .nef .nrw .orf .pef .psb .raf .rw2 .rwl .sr2 .srf .srw .svg .wdp .x3f .xcf"
)
UNREAD_SUFFIXES = frozenset(_UNREAD.split())
"""Suffixes of pictures that are not read here, or only where their content says what they are."""


def heif_reader() -> str | None:
    """Return the name of the package that reads HEIC here, if one is installed."""
    return next((name for name in ("pi_heif", "pillow_heif") if find_spec(name)), None)


def content_of(stream: IO[bytes]) -> Content | None:
    """Return what a seekable stream holds, and leave it at its beginning; None for what is not known.

    Raises `OSError` if it cannot be read.
    """
    stream.seek(0)
    head = stream.read(_HEAD_BYTES)
    try:
        return _told(head, stream)
    finally:
        stream.seek(0)


def content_of_file(path: str | os.PathLike[str]) -> Content | None:
    """Return what a file holds; None for what is not known, cannot be read, or is no regular file."""
    try:
        if not Path(path).is_file():  # a pipe would block
            return None
        with Path(path).open("rb") as stream:
            return content_of(stream)
    except (OSError, ValueError):
        return None


def no_moving_picture(content: Content | None) -> str | None:
    """Return why FFmpeg must not be given a picture: it would read one tile of it, or its preview, as a video."""
    if content is None or content.kind == "video":
        return None
    if content.name in (HEIF, AVIF, WEBP):
        return f"{content}, no video: leave --video out"
    return f"not a video: {content}" if content.kind == "unread" else None


def _told(head: bytes, stream: IO[bytes]) -> Content | None:
    if head[4:8] == b"ftyp" and head[0] < _LEAST_LETTER:
        return _of_brands(head)
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if (raw := raw_file_name(head, stream)) is not None:
        return Content("unread", f"raw camera file ({raw})", _RAW_ADVICE)
    for start, content in _STARTS:
        if head.startswith(start):
            return content
    return next(_by_structure(head), None)


_RIFF = {
    b"WEBP": Content("picture", WEBP),
    b"AVI ": Content("video", "AVI"),
    b"WAVE": Content("other", "audio file"),
}


def _of_brands(head: bytes) -> Content:
    """Return the content of an ISO base media file (ISO/IEC 14496-12, 4.3) by its brands, the major one first."""
    end = min(int.from_bytes(head[:4]), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    if b"avif" in brands and head[8:12] in (b"mif1", b"msf1"):
        return _BRANDS[b"avif"]
    content = _BRANDS.get(brands[0])
    if content is None:
        return Content("video", "QuickTime" if brands[0] == b"qt  " else "MP4")
    if content.name == HEIF and heif_reader() is None:
        return Content("unread", "HEIC picture", "run `pip install pi-heif`, which reads it, or convert it")
    return content


def _by_structure(head: bytes) -> Iterator[Content]:
    """Yield what `head` may be by more than its first bytes."""
    if head[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        yield Content("picture", "TIFF")
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in (12, 40, 52, 56, 64, 108, 124):
        yield Content("picture", "BMP")
    if head[:4] == b"OggS":
        moving = b"theora" in head[:256] or b"OVP80" in head[:256] or b"fishead" in head[:256]
        yield Content("video", "Ogg") if moving else Content("other", "audio file")
    if head[4:8] in _ATOMS and head[0] < _LEAST_LETTER:
        yield Content("video", "QuickTime")
    if any(len(head) > at + 2 * step and head[at : at + 2 * step + 1 : step] == b"GGG" for at, step in _TS_PACKETS):
        yield Content("video", "MPEG transport stream")
    text = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        yield Content("other", "HTML page", "the download went wrong, fetch the file again")
    if text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!--")) and b"<svg" in text):
        yield Content("other", "SVG drawing", "render it to PNG first")


_TS_PACKETS = ((0, 188), (4, 192))
"""The place of the first sync byte and the length of packets (ISO/IEC 13818-1, 2.4.3; with time codes on discs)."""
