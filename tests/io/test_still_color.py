"""HDR stills: what the container says of the colours is used, or said."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from distortion_heads.io.images import load_image_with_notes
from distortion_heads.io.inputs import Input
from distortion_heads.io.pages import page_sources, with_pages
from distortion_heads.io.still_color import read_coding
from distortion_heads.io.video.tone import HLG, PQ, to_sdr

PQ_WHITE = round(0.58069 * 255)
"""203 cd/m2, the white of SDR."""


def png(level: int, coding: tuple[int, int] | None, **options: object) -> bytes:
    """A grey PNG of 8 bits, with primaries and transfer in cICP."""
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), (level,) * 3).save(stream, "PNG", **options)
    data = stream.getvalue()
    if coding is None:
        return data
    content = b"cICP" + bytes((*coding, 0, 1))
    chunk = struct.pack(">I", 4) + content + struct.pack(">I", zlib.crc32(content))
    return data[:33] + chunk + data[33:]  # after the header


def avif(level: int, coding: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), (level,) * 3).save(stream, "AVIF", quality=95)
    data = stream.getvalue()
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", *coding) + data[place + 4 :]


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "PQ"), (HLG, "HLG")])
def test_hdr_pngs_are_tone_mapped(transfer: int, name: str) -> None:
    loaded = load_image_with_notes(png(PQ_WHITE, (9, transfer)))
    expected = to_sdr(np.full((30, 40, 3), PQ_WHITE * 257, np.uint16), "pq" if name == "PQ" else "hlg")
    assert np.array_equal(loaded.pixels, expected)
    assert [note.split(",")[0] for note in loaded.notes] == [f"HDR ({name}"]
    assert abs(int(loaded.pixels[0, 0, 0]) - 244) <= 3 or name == "HLG"


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow writes no AVIF")
def test_hdr_avifs_are_tone_mapped() -> None:
    plain = load_image_with_notes(avif(PQ_WHITE, (1, 13)))
    assert plain.notes == ()
    loaded = load_image_with_notes(avif(PQ_WHITE, (9, PQ)))
    assert loaded.notes == ("HDR (PQ, SMPTE ST 2084): tone-mapped to SDR before it was judged",)
    assert loaded.pixels.mean() > plain.pixels.mean() + 80


def test_a_tag_that_cannot_be_used_is_said() -> None:
    loaded = load_image_with_notes(png(PQ_WHITE, (12, PQ)))
    assert loaded.notes == ("HDR (PQ) of primaries 12, which cannot be converted: judged as stored",)
    assert set(np.unique(loaded.pixels)) == {PQ_WHITE}


@pytest.mark.parametrize("coding", [None, (1, 13), (9, 1)])
def test_sdr_is_left_as_it_is(coding: tuple[int, int] | None) -> None:
    loaded = load_image_with_notes(png(90, coding))
    assert (loaded.notes, set(np.unique(loaded.pixels))) == ((), {90})


def test_a_page_is_tone_mapped_too(tmp_path: Path) -> None:
    path = tmp_path / "anim.png"
    data = png(PQ_WHITE, (9, PQ), save_all=True, append_images=[Image.new("RGB", (40, 30), (20, 20, 20))])
    path.write_bytes(data)
    pages = list(page_sources(with_pages([Input(str(path))], None)))
    assert len(pages) == 2
    assert all("HDR (PQ" in load_image_with_notes(page).notes[0] for page in pages)


@pytest.mark.parametrize("length", [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\3"])
def test_a_damaged_tag_is_none(length: bytes) -> None:
    data = png(90, (9, PQ))
    place = data.index(b"cICP") - 4
    assert read_coding(io.BytesIO(data)) == (9, PQ)
    assert read_coding(io.BytesIO(data[:place] + length + data[place + 4 :])) is None
    assert read_coding(io.BytesIO(data[: place + 10])) is None
    assert read_coding(io.BytesIO(b"\0\0\0\x18ftypavif" + b"colrnclx\0")) is None
