from __future__ import annotations

import io
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from distortion_heads.errors import ImageTooLargeError, InputError, NotAnImageError
from distortion_heads.io.images import DEFAULT_MAX_PIXELS, load_image, load_image_with_notes
from distortion_heads.io.picture_files import undecodable

WHITE, BLACK, RED, BLUE = (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 0, 255)


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """A smooth coloured picture, 48x64, that lossy formats keep nearly as it is."""
    y, x = np.mgrid[0:48, 0:64]
    return np.stack([40 + 3 * x, 60 + 2 * y, 200 - x - y], -1).astype(np.uint8)


def encode(image: Image.Image, suffix: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, Image.registered_extensions()[suffix], **options)
    return buffer.getvalue()


def png(width: int, height: int, rows: bytes, *, depth: int = 8, color: int = 2, extra: bytes = b"") -> bytes:
    """A PNG file, also of kinds that Pillow does not write; `rows`: each one a filter byte, then its samples."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def error_of(source: Any, kind: type[InputError] = InputError, **options: Any) -> str:
    """The message of exactly this kind of error: one line."""
    with pytest.raises(InputError) as caught:
        load_image(source, **options)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Files of every kind


@pytest.mark.parametrize(
    ("suffix", "tolerance"),
    [(s, 0) for s in (".png", ".bmp", ".tif", ".ppm", ".tga", ".pcx", ".sgi", ".dib")]
    + [(s, 12) for s in (".jpg", ".webp", ".jp2", ".avif")],
)
def test_a_file_by_path_string_and_bytes(photo: NDArray[np.uint8], tmp_path: Path, suffix: str, tolerance: int) -> None:
    if suffix == ".avif" and suffix not in Image.registered_extensions():
        pytest.skip("Pillow without AVIF")
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(encode(Image.fromarray(photo), suffix))
    loaded = load_image(path)
    assert loaded.dtype == np.uint8
    assert loaded.flags.c_contiguous
    assert loaded.flags.writeable
    assert loaded.shape == photo.shape
    assert np.abs(loaded.astype(int) - photo).max() <= tolerance
    np.testing.assert_array_equal(load_image(str(path)), loaded)
    np.testing.assert_array_equal(load_image(path.read_bytes()), loaded)


def test_the_content_decides_and_not_the_suffix(photo: NDArray[np.uint8], tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(Image.fromarray(photo), ".png"))
    np.testing.assert_array_equal(load_image(path), photo)


@pytest.mark.parametrize(
    ("mode", "suffix", "tolerance"),
    [
        ("L", ".png", 0),
        ("1", ".png", 0),
        ("P", ".png", 0),
        ("CMYK", ".tif", 0),
        ("CMYK", ".jpg", 8),
        ("YCbCr", ".jpg", 8),
    ],
)
def test_modes_without_alpha(photo: NDArray[np.uint8], mode: str, suffix: str, tolerance: int) -> None:
    picture = Image.fromarray(photo).convert(mode)
    expected = np.asarray(picture.convert("RGB")).astype(int)
    np.testing.assert_array_equal(load_image(picture), expected)
    assert np.abs(load_image(encode(picture, suffix, quality=95)) - expected).max() <= tolerance


def test_lab_is_converted_as_colour(photo: NDArray[np.uint8]) -> None:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    picture = ImageCms.profileToProfile(Image.fromarray(photo), srgb, lab, outputMode="LAB")
    assert picture is not None
    loaded = load_image(encode(picture, ".tif"))
    assert np.abs(loaded.astype(int) - photo).mean() < 2.5


@pytest.mark.parametrize("orientation", [1, 6])
def test_what_is_transparent_is_known(orientation: int) -> None:
    alpha = np.array([[0, 255, 255], [128, 255, 255]], np.uint8)
    picture = Image.fromarray(np.dstack([np.zeros((2, 3, 3), np.uint8), alpha]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = load_image_with_notes(encode(picture, ".png", exif=exif))
    assert loaded.alpha is not None
    np.testing.assert_array_equal(loaded.alpha, np.rot90(alpha, -1) if orientation == 6 else alpha)
    if orientation == 1:
        from_array = load_image_with_notes(np.asarray(picture)).alpha
        assert from_array is not None
        np.testing.assert_array_equal(from_array, alpha)
    picture.putalpha(255)
    assert load_image_with_notes(picture).alpha is None


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "RGBa"])
def test_alpha_is_composited_on_white(mode: str) -> None:
    picture = Image.new("RGBA", (3, 1), (0, 0, 0, 255))
    picture.putpixel((1, 0), (0, 0, 0, 0))
    picture.putpixel((2, 0), (0, 0, 0, 128))
    source: Any = picture.convert(mode if mode != "PA" else "P")
    if mode == "PA":
        source.putalpha(picture.getchannel("A"))
        assert source.mode == "PA"
    if mode in ("RGBA", "LA"):
        source = encode(source, ".png")
    assert load_image(source).tolist() == [[[0] * 3, [255] * 3, [127] * 3]]


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_a_transparent_palette_entry_is_white(suffix: str) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, *BLUE])
    picture.putpixel((1, 0), 1)
    assert load_image(encode(picture, suffix)).tolist() == [[list(RED), list(BLUE)]]
    assert load_image(encode(picture, suffix, transparency=1)).tolist() == [[list(RED), list(WHITE)]]


def test_palette_entries_may_be_half_transparent() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([*BLACK, *BLUE])
    picture.putpixel((1, 0), 1)
    assert load_image(encode(picture, ".png", transparency=b"\x80\xff")).tolist() == [[[127] * 3, list(BLUE)]]


@pytest.mark.parametrize(("mode", "key"), [("RGB", BLUE), ("L", 29)])
def test_a_transparent_colour_is_white(mode: str, key: Any) -> None:
    picture = Image.new(mode, (2, 1))
    picture.putpixel((1, 0), key)
    assert load_image(encode(picture, ".png", transparency=key)).tolist() == [[list(BLACK), list(WHITE)]]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_sixteen_bits_are_scaled_to_eight(suffix: str) -> None:
    values = np.array([[0, 128, 129, 257 * 77, 65407, 65535]], np.uint16)
    picture = Image.fromarray(values.astype(np.int32) if suffix == ".pgm" else values)
    loaded = load_image(encode(picture, suffix))
    assert loaded.tolist() == [[[v] * 3 for v in (0, 0, 1, 77, 255, 255)]]


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
def test_sixteen_bit_modes_in_memory(mode: str) -> None:
    assert load_image(Image.new(mode, (1, 1), 257 * 9)).tolist() == [[[9] * 3]]


def test_sixteen_bit_colour() -> None:
    samples = b"\x00" + struct.pack(">6H", 65535, 257 * 20, 0, 257 * 7, 0, 257 * 200)
    assert load_image(png(2, 1, samples, depth=16)).tolist() == [[[255, 20, 0], [7, 0, 200]]]


def test_integers_that_are_not_sixteen_bit_are_refused() -> None:
    assert "from -1 to 70000" in error_of(Image.fromarray(np.array([[-1, 70000]], np.int32)))


@pytest.mark.parametrize("scale", [1, 255])
def test_floating_point_pictures_of_either_range(scale: int) -> None:
    values = np.array([[0, 51 / 255, 1]], np.float32) * np.float32(scale)
    assert load_image(encode(Image.fromarray(values), ".tif")).tolist() == [[[v] * 3 for v in (0, 51, 255)]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5, 1.02, 300.0])
def test_floating_point_pictures_beyond_both_ranges_are_refused(value: float) -> None:
    assert "[0, 1]" in error_of(Image.fromarray(np.array([[0, value]], np.float32)))


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif"])
def test_the_first_frame_of_an_animation(suffix: str) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in (RED, BLUE)]
    data = encode(frames[0], suffix, save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(data)) as animation:
        assert getattr(animation, "n_frames", 1) == 2
        animation.seek(1)
        assert load_image(animation)[0, 0].argmax() == 2  # a PIL image: the frame that it stands at
    assert load_image(data)[0, 0].argmax() == 0


# EXIF

SIDES = {  # the sides on which row 0 and column 0 are seen (EXIF 2.3, tag 274)
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def exif(orientation: Any) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def seen_on(image: NDArray[np.uint8], side: str) -> tuple[int, ...]:
    height, width, _ = image.shape
    row = {"top": 0, "bottom": height - 1}.get(side, height // 2)
    column = {"left": 0, "right": width - 1}.get(side, width // 2)
    return tuple(int(v) for v in image[row, column])


@pytest.mark.parametrize("orientation", SIDES)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_orientation_is_applied(orientation: int, suffix: str) -> None:
    stored = np.zeros((5, 9, 3), np.uint8)
    stored[0] = RED
    stored[1:, 0] = BLUE
    loaded = load_image(encode(Image.fromarray(stored), suffix, exif=exif(orientation)))
    row_side, column_side = SIDES[orientation]
    assert loaded.flags.c_contiguous
    assert loaded.shape == ((5, 9, 3) if orientation < 5 else (9, 5, 3))
    assert seen_on(loaded, row_side) == RED
    assert seen_on(loaded, column_side) == BLUE


def test_orientation_of_a_picture_in_memory_is_applied_once(photo: NDArray[np.uint8]) -> None:
    with Image.open(io.BytesIO(encode(Image.fromarray(photo), ".jpg", quality=95, exif=exif(6)))) as picture:
        loaded = load_image(picture)
        assert picture.size == (64, 48), "the caller's picture is left as it was"
        np.testing.assert_array_equal(load_image(ImageOps.exif_transpose(picture)), loaded)
    assert loaded.shape == (64, 48, 3)


@pytest.mark.parametrize("tags", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", exif(99), exif(0)])
def test_damaged_exif_is_ignored(photo: NDArray[np.uint8], tags: Any) -> None:
    np.testing.assert_array_equal(load_image(encode(Image.fromarray(photo), ".png", exif=tags)), photo)


# Bad files


def test_text_named_png(tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    for text in ("just some text, long enough for every format to look at\n" * 9, "x", "P", "GIF", "\n", "%!PS-Adobe"):
        path.write_text(text)
        assert error_of(path, NotAnImageError).startswith("not an image: ")


def test_zero_bytes(tmp_path: Path) -> None:
    path = tmp_path / "empty.png"
    path.touch()
    assert error_of(path, NotAnImageError) == error_of(b"", NotAnImageError) == "not an image: it is empty"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif", ".gif", ".webp", ".jp2", ".ppm", ".tga"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_files(photo: NDArray[np.uint8], tmp_path: Path, suffix: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8)
    data = encode(Image.fromarray(noise), suffix)
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(data[: int(share * len(data))])
    message = error_of(path, NotAnImageError)
    if (suffix, share) != (".gif", 0.1):  # cut within its palette, which Pillow cannot tell from no GIF at all
        assert "truncated" in message
        assert Image.registered_extensions()[suffix] in message
    with Image.open(path) if suffix == ".png" else Image.new("L", (0, 0)) as lazy:
        error_of(lazy, NotAnImageError if suffix == ".png" else InputError)


def test_damaged_pixels() -> None:
    data = png(4, 4, b"\x00" * 52)
    broken = data.replace(zlib.compress(b"\x00" * 52), b"\xff" * len(zlib.compress(b"\x00" * 52)))
    assert "damaged" in error_of(broken, NotAnImageError)


@given(st.data())
def test_any_damage_gives_a_picture_or_an_input_error(data: st.DataObject) -> None:
    suffix = data.draw(st.sampled_from([".jpg", ".png", ".gif", ".bmp", ".tif", ".ppm", ".tga", ".ico", ".jp2"]))
    whole = bytearray(encode(Image.linear_gradient("L").resize((20, 20)).convert("RGB"), suffix))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        loaded = load_image(bytes(whole[: data.draw(st.integers(1, len(whole)))]), max_pixels=1_000_000)
    except InputError:
        pass
    else:
        assert loaded.dtype == np.uint8
        assert loaded.shape[2:] == (3,)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    assert error_of(tmp_path / "gone.png") == "no such file"
    assert error_of(tmp_path) == "is a folder: give a picture"
    assert "not a valid path" in error_of("a\0b.png")
    assert "too long" in error_of("x" * 5000)
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    assert "cannot be read" in error_of(tmp_path / "loop.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "no regular file" in error_of(tmp_path / "pipe.png")


@pytest.fixture
def unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that may not be read: root, who may read everything, becomes nobody meanwhile."""
    if not hasattr(os, "geteuid"):
        pytest.skip("no POSIX permissions here")
    monkeypatch.chdir(tmp_path)  # stays in reach of nobody, whatever is above it
    tmp_path.chmod(0o755)
    path = Path("secret.png")
    path.write_bytes(png(1, 1, b"\0\0\0\0"))
    path.chmod(0)
    is_root = os.geteuid() == 0
    try:
        if is_root:
            try:
                os.seteuid(65534)
            except OSError as error:
                pytest.skip(f"root cannot become nobody here: {error}")
        yield path
    finally:
        if is_root:
            os.seteuid(0)


def test_an_unreadable_file(unreadable: Path) -> None:
    assert error_of(unreadable) == "cannot be read: permission denied"


def test_a_disk_that_fails_while_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= 16:
                raise OSError(5, "Input/output error")
            return super().read(size)

    path = tmp_path / "a.png"
    path.write_bytes(png(1, 1, b"\0\0\0\0"))
    monkeypatch.setattr(Path, "open", lambda self, mode: Failing(self.read_bytes()))
    monkeypatch.setattr(Path, "read_bytes", lambda self: png(1, 1, b"\0\0\0\0"))
    assert error_of(path) == "cannot be read: input/output error"


@pytest.mark.parametrize("source", [None, 3, [[1, 2]], io.BytesIO(b"")])
def test_sources_of_other_types(source: Any) -> None:
    assert type(source).__name__ in error_of(source)


def test_a_picture_that_was_closed(photo: NDArray[np.uint8]) -> None:
    picture = Image.open(io.BytesIO(encode(Image.fromarray(photo), ".png")))
    picture.close()
    error_of(picture, NotAnImageError)


# Size

BOMB = png(20_000, 20_000, b"")


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(BOMB)
    message = error_of(path, ImageTooLargeError)
    for part in ("20000 x 20000", "400000000", str(DEFAULT_MAX_PIXELS), "--max-pixels"):
        assert part in message


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".jpg", ".webp", ".gif", ".jp2", ".ico"])
@pytest.mark.parametrize("kind", ["bytes", "PIL"])
def test_pillows_process_wide_limit_does_not_count(
    photo: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch, suffix: str, kind: str
) -> None:
    data = encode(Image.fromarray(photo), suffix)
    expected = load_image(data)
    with Image.open(io.BytesIO(data)) as lazy:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
        np.testing.assert_array_equal(load_image(data if kind == "bytes" else lazy), expected)
        assert Image.MAX_IMAGE_PIXELS == 10
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))


@pytest.mark.parametrize("kind", ["bytes", "PIL", "array"])
def test_the_limit_holds_for_every_source_and_is_inclusive(photo: NDArray[np.uint8], kind: str) -> None:
    picture = Image.fromarray(photo)
    source: Any = {"bytes": encode(picture, ".png"), "PIL": picture, "array": photo}[kind]
    assert load_image(source, max_pixels=48 * 64).shape == (48, 64, 3)
    assert "64 x 48" in error_of(source, ImageTooLargeError, max_pixels=48 * 64 - 1)


def test_pictures_without_pixels() -> None:
    assert "0 x 5" in error_of(Image.new("RGB", (0, 5)))
    error_of(png(0, 5, b""), NotAnImageError)


# Warnings

WARNING_PNG = png(1, 1, b"\0\x01\x02\x03", extra=chunk(b"acTL", struct.pack(">II", 0, 0)))


def test_pillow_warns_about_the_file_of_the_next_test() -> None:
    with pytest.warns(UserWarning, match="APNG"):
        Image.open(io.BytesIO(WARNING_PNG)).close()


def test_warnings_neither_leak_nor_stop_threads() -> None:
    filters = list(warnings.filters)
    barrier = threading.Barrier(8)

    def load() -> list[Any]:
        barrier.wait()
        return [load_image(WARNING_PNG).tolist() for _ in range(25)]

    with ThreadPoolExecutor(8) as pool:
        results = [future.result() for future in [pool.submit(load) for _ in range(8)]]
    assert results == [[[[[1, 2, 3]]]] * 25] * 8
    assert warnings.filters == filters
    with pytest.warns(UserWarning, match="APNG"):  # and Pillow's warnings are heard again
        Image.open(io.BytesIO(WARNING_PNG)).close()


# Arrays

IMAGES = array_shapes(min_dims=2, max_dims=2, max_side=6).flatmap(
    lambda shape: st.sampled_from([(), (1,), (3,)]).flatmap(lambda tail: arrays(np.uint8, (*shape, *tail)))
)


def as_rgb(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return array if array.shape[2:] == (3,) else np.stack([array.reshape(array.shape[:2])] * 3, -1)


@given(IMAGES)
def test_all_array_types_hold_the_same_picture(array: NDArray[np.uint8]) -> None:
    expected = as_rgb(array)
    loaded = load_image(array)
    np.testing.assert_array_equal(loaded, expected)
    assert loaded.flags.c_contiguous
    assert not np.shares_memory(loaded, array)
    np.testing.assert_array_equal(load_image(array.astype(np.uint16) * 257), expected)
    np.testing.assert_array_equal(load_image((array.astype(np.uint16) * 257).astype(">u2")), expected)
    for dtype in (np.float32, np.float64):
        np.testing.assert_array_equal(load_image((array / 255).astype(dtype)), expected)
    np.testing.assert_array_equal(load_image((array / 255).astype(np.float16)), expected)


@given(IMAGES)
def test_an_array_survives_a_file_and_a_pil_image(array: NDArray[np.uint8]) -> None:
    expected = load_image(array)
    picture = Image.fromarray(expected)
    np.testing.assert_array_equal(load_image(picture), expected)
    np.testing.assert_array_equal(load_image(encode(picture, ".png")), expected)


@given(arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=6)))
def test_sixteen_bits_round_to_the_nearest(array: NDArray[np.uint16]) -> None:
    array = array.copy()
    array.flat[0] |= 1 << 14  # else it may hold fewer bits
    assert np.abs(load_image(array)[..., 0] - array / 257).max() <= 0.5


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("form", ["array", "pil", ".png", ".tif"])
def test_few_bits_in_sixteen_are_scaled_and_said(bits: int, form: str) -> None:
    rng = np.random.default_rng(bits)
    values = rng.integers(0, 1 << bits, (20, 30)).astype(np.uint16)
    values[0, 0] = (1 << bits) - 1
    picture = Image.fromarray(values)
    source = values if form == "array" else picture if form == "pil" else encode(picture, form)
    loaded = load_image_with_notes(source)
    expected = np.round(values / ((1 << bits) - 1) * 255)
    assert np.abs(loaded.pixels[..., 0] - expected).max() <= 1
    assert loaded.notes == (f"values up to {(1 << bits) - 1} of 65535: read as {bits} bits and scaled",)


@pytest.mark.parametrize("factor", [256, 257])
def test_a_dark_picture_in_sixteen_bits_stays_dark(factor: int) -> None:
    values = (np.arange(600, dtype=np.uint16).reshape(20, 30) % 12) * factor
    loaded = load_image_with_notes(encode(Image.fromarray(values.astype(np.uint16)), ".png"))
    assert loaded.pixels.max() == 11
    assert loaded.notes == ()


@given(arrays(np.float64, (3, 2, 4), elements=st.floats(0, 1)))
def test_alpha_of_arrays_is_composited_on_white(rgba: NDArray[np.float64]) -> None:
    color, alpha = rgba[..., :3], rgba[..., 3:]
    loaded = load_image(rgba) / 255
    assert np.abs(loaded - (color * alpha + 1 - alpha)).max() < 2.5 / 255


def test_views_of_arrays_are_read_right(photo: NDArray[np.uint8]) -> None:
    for view in (photo[::-1, ::2], photo[..., ::-1], photo.transpose(1, 0, 2)):
        loaded = load_image(view)
        assert loaded.flags.c_contiguous
        np.testing.assert_array_equal(loaded, view)


@pytest.mark.parametrize(
    ("array", "part"),
    [
        (np.zeros(5, np.uint8), "(5,)"),
        (np.zeros((), np.uint8), "()"),
        (np.zeros((3, 8, 8), np.uint8), "(3, 8, 8)"),
        (np.zeros((8, 8, 2), np.uint8), "(8, 8, 2)"),
        (np.zeros((1, 8, 8, 3), np.uint8), "(1, 8, 8, 3)"),
        (np.zeros((8, 8, 0), np.uint8), "(8, 8, 0)"),
        (np.zeros((0, 8), np.uint8), "no pixels (8 x 0)"),
        (np.zeros((8, 0, 3), np.float32), "no pixels (0 x 8)"),
        (np.zeros((8, 8), np.int64), "int64"),
        (np.zeros((8, 8), bool), "bool"),
        (np.zeros((8, 8), complex), "complex128"),
        (np.zeros((8, 8), object), "object"),
        (np.full((8, 8), np.nan), "NaN"),
        (np.full((8, 8), np.inf, np.float32), "infinite"),
        (np.linspace(-0.25, 0.5, 64).reshape(8, 8), "from -0.25 to 0.5"),
        (np.linspace(0, 255, 64).reshape(8, 8), "from 0 to 255"),
    ],
)
def test_arrays_that_are_no_picture(array: NDArray[Any], part: str) -> None:
    message = error_of(array)
    assert part in message
    assert "give" in message or "no pixels" in message


def test_a_webp_that_libwebp_gives_no_decoder_for_may_be_too_large() -> None:
    said = str(undecodable("WEBP", OSError("could not create decoder object")))
    assert said == "damaged or truncated WEBP file, or too large for the memory: could not create decoder object"
