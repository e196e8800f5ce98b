"""Strips and orientations; what each mode becomes is tested with `load_image`."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from distortion_heads.io.images import count_pixels, load_image

ORIENTATION = 0x0112


def stored(image: Image.Image, orientation: int) -> bytes:
    exif, stream = Image.Exif(), io.BytesIO()
    exif[ORIENTATION] = orientation
    image.save(stream, "PNG", exif=exif)
    return stream.getvalue()


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("strip", [1, 5 * 53, 1 << 20])
def test_strips_are_put_upright(orientation: int, strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distortion_heads.io.rgb._STRIP_PIXELS", strip)
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    data = stored(Image.fromarray(noise), orientation)
    pixels = load_image(data)
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "I;16", "F", "I"])
def test_strips_of_every_mode_are_as_the_whole(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    if mode == "F":
        image = Image.fromarray(rng.random((21, 30), dtype=np.float32) * np.linspace(0, 200, 30, dtype=np.float32))
    elif mode in ("I;16", "I"):
        image = Image.fromarray(rng.integers(0, 65536, (21, 30), dtype=np.uint16)).convert(mode)
    else:
        image = Image.fromarray(rng.integers(0, 256, (21, 30, 4), dtype=np.uint8)).convert(mode)
    if mode == "P":
        image.info["transparency"] = 3
    at_once = load_image(image)
    monkeypatch.setattr("distortion_heads.io.rgb._STRIP_PIXELS", 4 * 30)
    np.testing.assert_array_equal(load_image(image), at_once)
    assert at_once.std() > 10


def test_pixels_are_counted_without_decoding(tmp_path: Path) -> None:
    image = Image.fromarray(np.zeros((30, 40, 3), np.uint8))
    path = tmp_path / "a.png"
    image.save(path)
    data = path.read_bytes()
    cut = data[: len(data) // 2]  # its header is whole
    assert [count_pixels(source) for source in (path, str(path), data, image, np.asarray(image), cut)] == [1200] * 6
    assert [count_pixels(source) for source in (tmp_path, b"text", tmp_path / "none.png", np.zeros(3))] == [0] * 4
