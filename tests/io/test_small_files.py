"""Small files that would cost much: each is refused by its header, before anything is decoded."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads.errors import ImageTooLargeError, NotAnImageError
from distortion_heads.io import frames, small_files
from distortion_heads.io.frames import entries_of_tiff
from distortion_heads.io.images import count_pixels, load_image, load_image_with_notes
from distortion_heads.io.inputs import Input
from distortion_heads.io.pages import page_sources

SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00"  # of the luminance, all but its first coefficient


def png(width: int, height: int) -> bytes:
    """The beginning of a PNG file: all that its header needs."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def webp(width: int, height: int) -> bytes:
    """A WebP file of 34 bytes that says it is as large."""
    bits = (width - 1) | (height - 1) << 14
    body = b"WEBPVP8L" + struct.pack("<I", 14) + b"\x2f" + struct.pack("<I", bits) + bytes(9)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_of_scans(count: int, side: int = 256) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side, side), "teal").save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    return data[:-2] + SCAN * count + data[-2:]


@pytest.mark.parametrize("data", [png(16000, 15000), webp(16000, 15000), png(40_000_000, 1), png(1, 300_000)])
def test_a_large_picture_of_a_few_bytes(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ImageTooLargeError, match="raise it with --max-pixels"):
        load_image(data)
    (tmp_path / "bomb").write_bytes(data)
    (page,) = page_sources([Input(str(tmp_path / "bomb"), page=1)])
    with pytest.raises(ImageTooLargeError):
        load_image(page)
    with pytest.raises(NotAnImageError):  # the limit is raised, and it is found out that nothing else is there
        load_image(data, max_pixels=100_000_000_000)


def test_what_is_not_that_large_or_not_that_small_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((300, 400, 3), np.uint8)).save(stream, "PNG")
    monkeypatch.setattr(small_files, "DEFAULT_MAX_PIXELS", 8 * 300 * 400)
    assert load_image(stream.getvalue(), max_pixels=200_000).shape == (300, 400, 3)
    monkeypatch.setattr(small_files, "DEFAULT_MAX_PIXELS", 8 * 300 * 400 - 8)
    with pytest.raises(ImageTooLargeError, match=r"400 x 300 pixels out of \d\.\d KiB, above the limit of 119999"):
        load_image(stream.getvalue(), max_pixels=200_000)
    monkeypatch.setattr(small_files, "SMALL_BYTES", len(stream.getvalue()))
    assert load_image(stream.getvalue(), max_pixels=200_000).shape == (300, 400, 3)


def test_a_jpeg_of_thousands_of_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_image(jpeg_of_scans(20)).shape == (256, 256, 3)
    monkeypatch.setattr(small_files, "DEFAULT_MAX_PIXELS", 8 * 256 * 256)
    with pytest.raises(ImageTooLargeError, match=r"\d+ scans of 256 x 256 pixels, above the limit of 100 times 524288"):
        load_image(jpeg_of_scans(900), max_pixels=65536)


def test_a_file_of_three_dimensions() -> None:
    lines = {"Image type": "Greyscale image", "Image size (x*y)": "8*8*8", "File size (no of images)": "1"}
    header = "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode()
    data = header.ljust(511, b"\0") + b"\x1a" + bytes(512)
    with pytest.raises(NotAnImageError, match="a IM file of 3 dimensions"):
        load_image(data)
    assert count_pixels(data) == 0


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_a_damaged_tiff_is_told_by_us_alone(compression: str, capfd: pytest.CaptureFixture[str]) -> None:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(stream, "TIFF", compression=compression)
    data = bytearray(stream.getvalue())
    data[200:2000] = bytes(1800)
    with suppress(NotAnImageError):
        load_image(bytes(data))
    assert capfd.readouterr() == ("", "")


def test_directories_of_a_tiff_file_that_lie_over_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    pages = [Image.new("L", (16, 16), level) for level in (50, 90, 130)]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    assert 3 * 8 < entries_of_tiff(stream) < 3 * 30
    assert "page 1 of 3" in load_image_with_notes(stream.getvalue()).notes[0]
    monkeypatch.setattr(frames, "MOST_ENTRIES", 20)
    assert load_image_with_notes(stream.getvalue()).notes == ()
    big = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) + struct.pack("<Q", 2) + bytes(40) + struct.pack("<Q", 0)
    assert entries_of_tiff(io.BytesIO(big)) == 2
    monkeypatch.setattr(frames, "MOST_ENTRIES", 1000)
    circle = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", 1) + bytes(12) + struct.pack("<I", 8)
    assert entries_of_tiff(io.BytesIO(circle)) == 1001


def test_a_format_whose_reader_closes_the_file_is_read(tmp_path: Path) -> None:
    size, data = (64, 48), bytes(range(256)) * 36
    header = struct.pack("<4si2i2i2i", b"FTEX", 0, *size, 1, 1, 1, 40)
    path = tmp_path / "texture.ftc"
    path.write_bytes(header + bytes(8) + struct.pack("<i", len(data)) + data)
    pixels = load_image(path)
    assert pixels.shape == (48, 64, 3)
    assert pixels.tobytes() == data
    (page,) = page_sources([Input(str(path), page=1)])
    assert np.array_equal(load_image(page), pixels)
