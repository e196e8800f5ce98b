from __future__ import annotations

import io
import json
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
from helpers.icc_profiles import GAMMAS, SRGB, WIDE, light, profile_of, wide

NOTE = "an ICC profile that cannot be read: ignored"


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
