from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from distortion_heads.io.images import load_image, load_image_with_notes
from helpers.command_line import Dheads

SRGB = ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410))
"""Columns: the XYZ of red, green and blue, adapted to D50."""

WIDE = {
    "Display P3": ((0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407)),
    "Adobe RGB (1998)": ((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457)),
    "ProPhoto RGB": ((0.79767, 0.13519, 0.03134), (0.28804, 0.71188, 0.00008), (0.0, 0.0, 0.82491)),
}
GAMMAS = {"Adobe RGB (1998)": 2.19921875, "ProPhoto RGB": 1.80078125}
NOTE = "an ICC profile that cannot be read: ignored"


def light(values: NDArray[Any], gamma: float | None) -> NDArray[Any]:
    """Values in [0, 1] to light, by a power or, without one, by the curve of sRGB."""
    if gamma is not None:
        return np.asarray(values**gamma)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def profile_of(name: str, columns: tuple[tuple[float, ...], ...], gamma: float | None) -> bytes:
    """Write an ICC profile of version 2 with a matrix and one curve."""
    fixed = [[round(value * 65536) for value in row] for row in columns]
    steps = np.rint(light(np.linspace(0, 1, 1024), gamma) * 65535).astype(">u2")
    curve = struct.pack(">4sII", b"curv", 0, 1 if gamma else len(steps))
    curve += struct.pack(">H", round(gamma * 256)) if gamma else steps.tobytes()
    text = name.encode() + b"\0"
    parts = {
        b"desc": struct.pack(">4sII", b"desc", 0, len(text)) + text + bytes(78),
        b"wtpt": struct.pack(">4sI3i", b"XYZ ", 0, 63190, 65536, 54061),
        **{
            tag: struct.pack(">4sI3i", b"XYZ ", 0, *(row[at] for row in fixed))
            for at, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))
        },
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body, start = struct.pack(">I", len(parts)), b"", 128 + 4 + 12 * len(parts)
    for tag, part in parts.items():
        table += tag + struct.pack(">II", start + len(body), len(part))
        body += part + bytes(-len(part) % 4)
    header = struct.pack(">I4sI4s4s4s12x4s", start + len(body), b"", 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return header.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061).ljust(60, b"\0") + table + body


def wide(name: str) -> bytes:
    return profile_of(name, WIDE[name], GAMMAS.get(name))


def in_srgb(pixels: NDArray[np.uint8], name: str) -> NDArray[Any]:
    """What a profile's colours are in sRGB, in floating point."""
    matrix = np.linalg.inv(np.array(SRGB)) @ np.array(WIDE[name])
    seen = np.clip(light(pixels / 255, GAMMAS.get(name)) @ matrix.T, 0, 1)
    return np.asarray(255 * np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))


def encode(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """Colours of middling saturation, 48x64."""
    y, x = np.mgrid[0:48, 0:64]
    return np.stack([60 + 2 * x, 70 + 2 * y, 200 - x - y], -1).astype(np.uint8)


@pytest.mark.parametrize("name", WIDE)
def test_a_wide_gamut_is_converted_to_srgb(name: str, photo: NDArray[np.uint8]) -> None:
    loaded = load_image_with_notes(encode(Image.fromarray(photo), icc_profile=wide(name)))
    expected = in_srgb(photo, name)
    assert np.abs(expected - photo).max() > 15
    assert np.abs(expected - loaded.pixels).max() < 2
    assert loaded.notes == (f"{name} converted to sRGB",)


@pytest.mark.parametrize(
    ("form", "options"), [("JPEG", {"quality": 95}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("AVIF", {})]
)
def test_a_profile_is_found_in_every_format(form: str, options: dict[str, Any], photo: NDArray[np.uint8]) -> None:
    data = encode(Image.fromarray(photo), form, icc_profile=wide("ProPhoto RGB"), **options)
    assert load_image_with_notes(data).notes == ("ProPhoto RGB converted to sRGB",)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(load_image(image), load_image(data))


def test_alpha_palettes_strips_and_turns_are_converted_alike(photo: NDArray[np.uint8]) -> None:
    profile = wide("Display P3")
    plain = load_image(encode(Image.fromarray(photo), icc_profile=profile))
    assert (plain != photo).any()
    alpha = np.where(np.arange(64) < 32, 255, 0).astype(np.uint8) * np.ones((48, 1), np.uint8)
    cut = load_image_with_notes(encode(Image.fromarray(np.dstack([photo, alpha])), icc_profile=profile))
    assert cut.alpha is not None
    np.testing.assert_array_equal(cut.alpha, alpha)
    np.testing.assert_array_equal(cut.pixels[:, :32], plain[:, :32])
    assert (cut.pixels[:, 32:] == 255).all()

    palette = Image.fromarray(photo).quantize(16)
    same = load_image(encode(palette.convert("RGB"), icc_profile=profile))
    np.testing.assert_array_equal(load_image(encode(palette, icc_profile=profile)), same)

    turned = Image.Exif()
    turned[0x0112] = 6
    np.testing.assert_array_equal(
        load_image(encode(Image.fromarray(photo), icc_profile=profile, exif=turned)), np.rot90(plain, -1)
    )
    tall = photo.repeat(20, 0).repeat(20, 1)  # more than one strip
    assert tall[..., 0].size > 1 << 20
    np.testing.assert_array_equal(
        load_image(encode(Image.fromarray(tall), icc_profile=profile, compress_level=1))[::20, ::20], plain
    )


def test_what_is_left_as_it_is_stored(photo: NDArray[np.uint8]) -> None:
    built_in = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    like = [built_in, profile_of("sRGB", SRGB, None), profile_of("sRGB of a power", SRGB, 2.19921875)]
    for profile in like:
        loaded = load_image_with_notes(encode(Image.fromarray(photo), icc_profile=profile))
        np.testing.assert_array_equal(loaded.pixels, photo)
        assert loaded.notes == ()
    for mode, form in (("L", "PNG"), ("LA", "PNG"), ("CMYK", "TIFF")):
        image, profile = Image.fromarray(photo).convert(mode), wide("ProPhoto RGB")
        loaded = load_image_with_notes(encode(image, form, icc_profile=profile))
        np.testing.assert_array_equal(loaded.pixels, load_image(encode(image, form)))
        assert loaded.notes == ()
    deep = Image.fromarray(photo[..., 0].astype(np.uint16) * 257)
    assert load_image_with_notes(encode(deep, icc_profile=wide("ProPhoto RGB"))).notes == ()


def test_a_profile_of_srgbs_colours_but_other_light_is_converted(photo: NDArray[np.uint8]) -> None:
    data = encode(Image.fromarray(photo), icc_profile=profile_of("linear\n\x1b[31m " + 90 * "x", SRGB, 1.0))
    loaded = load_image_with_notes(data)
    assert loaded.pixels.mean() > photo.mean() + 30
    (note,) = loaded.notes
    assert note.isprintable()  # the name is the file's own
    assert len(note) < 90


@pytest.mark.parametrize("space", ["XYZ", "LAB"])
def test_a_profile_of_another_space_is_ignored_with_a_note(space: Any, photo: NDArray[np.uint8]) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()
    loaded = load_image_with_notes(encode(Image.fromarray(photo), icc_profile=profile))
    np.testing.assert_array_equal(loaded.pixels, photo)
    assert loaded.notes == (NOTE,)


@pytest.mark.parametrize("damage", [lambda _: b"not a profile", lambda p: p[:200], lambda p: p + bytes(5 << 20)])
def test_a_broken_profile_is_ignored_with_a_note(damage: Any, photo: NDArray[np.uint8]) -> None:
    loaded = load_image_with_notes(encode(Image.fromarray(photo), "TIFF", icc_profile=damage(wide("Display P3"))))
    np.testing.assert_array_equal(loaded.pixels, photo)
    assert loaded.notes == (NOTE,)


@given(st.lists(st.tuples(st.integers(0, 2400), st.integers(0, 255)), min_size=1, max_size=12), st.integers(0, 2500))
def test_mutated_profiles_never_lose_the_picture(changes: list[tuple[int, int]], length: int) -> None:
    profile = bytearray(wide("Display P3"))
    for place, value in changes:
        profile[place % len(profile)] = value
    image = Image.new("RGB", (4, 4), (200, 60, 60))
    image.info["icc_profile"] = bytes(profile[: max(1, length)])
    loaded = load_image_with_notes(image)
    assert loaded.pixels.shape == (4, 4, 3)
    assert len(loaded.notes) <= 1


def test_the_answer_says_that_a_picture_was_converted(
    tmp_path: Path, photo: NDArray[np.uint8], capfd: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "p3.png"
    picture.write_bytes(encode(Image.fromarray(photo).resize((128, 96)), icc_profile=wide("Display P3")))
    found = json.loads(Dheads(capfd)("predict", "--json", picture).out)
    assert "Display P3 converted to sRGB" in found["notes"]
