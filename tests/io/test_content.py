from __future__ import annotations

import io
import struct
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from distortion_heads.errors import InputError, NotAnImageError
from distortion_heads.io.content import content_of, heif_reader
from distortion_heads.io.images import load_image, load_image_with_notes
from distortion_heads.io.inputs import LeftOut, expand_inputs
from distortion_heads.io.pages import page_sources, with_pages
from distortion_heads.io.video.options import VideoOptions
from distortion_heads.io.video.reader import open_video
from helpers.tiled_heic import tiled_heic

SEED_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000", "QOI", "PPM", "TGA", "ICO", "PCX")


def encoded(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.arange(3 * 24 * 20, dtype=np.uint8).reshape(24, 20, 3)).save(stream, kind, **options)
    return stream.getvalue()


def raw_tiff(tags: dict[int, tuple[int, int]]) -> bytes:
    """A TIFF directory of LONG values, and no picture."""
    entries = b"".join(struct.pack("<HHII", tag, 4, count, value) for tag, (count, value) in sorted(tags.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def kind_of(data: bytes) -> str | None:
    content = content_of(io.BytesIO(data))
    return None if content is None else content.kind


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000", "QOI"])
def test_pictures_are_told_by_their_content(kind: str) -> None:
    assert kind_of(encoded(kind)) == "picture"


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "CR3"),
        (b"IIRO\x08\0\0\0", "ORF"),
        (b"IIU\0\x18\0\0\0", "RW2"),
        (b"FUJIFILMCCD-RAW 0201", "RAF"),
        (b"II*\0\x10\0\0\0CR\x02\0", "CR2"),
        (raw_tiff({50706: (1, 0x0401)}), "DNG"),
        (raw_tiff({262: (1, 32803)}), "TIFF/EP"),
        (raw_tiff({254: (1, 1), 330: (1, 8)}), "TIFF/EP"),
    ],
)
def test_raw_files_are_refused_and_what_to_do_is_said(data: bytes, part: str) -> None:
    with pytest.raises(NotAnImageError, match=r"raw camera file .*: develop it") as caught:
        load_image(data)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"\0\0\0\x18ftypisom\0\0\0\x01mp42isom", "an MP4 video"),
        (b"\x1a\x45\xdf\xa3" + bytes(20), "Matroska"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture: convert"),
        (b"<svg xmlns='x'>", "an SVG drawing"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, part: str) -> None:
    with pytest.raises(NotAnImageError) as caught:
        load_image(data)
    assert part in str(caught.value)


def test_prose_is_no_video() -> None:
    assert kind_of(b"The free software that you wanted") is None


def test_a_heic_without_its_reader_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pi_heif", "pillow_heif"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr("distortion_heads.io.content.find_spec", lambda name: None)
    with pytest.raises(NotAnImageError, match="pip install pi-heif"):
        load_image(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")


@pytest.mark.skipif(heif_reader() is None, reason="no reader of HEIC is installed")
def test_a_heic_is_read() -> None:
    loaded = load_image(Path(__file__).with_name("found") / "red_and_blue.heic")
    assert loaded.shape == (48, 64, 3)
    difference = loaded[24, [8, 56]].astype(int) - np.array([(200, 40, 40), (40, 40, 200)])
    assert np.abs(difference).max() < 20


@pytest.mark.skipif(heif_reader() is None, reason="no reader of HEIC is installed")
def test_the_tiles_of_a_heic_are_one_picture(tmp_path: Path) -> None:
    """Three by two tiles, of which the last ones are cut by the picture's right and lower edge."""
    y, x = np.mgrid[0:100, 0:150]
    picture = np.stack([40 + x, 60 + y, 200 - x // 2 - y // 2], axis=-1).astype(np.uint8)
    path = tmp_path / "phone.heic"
    path.write_bytes(tiled_heic(picture, 64))
    loaded = load_image_with_notes(path)
    assert (loaded.pixels.shape, loaded.notes) == (picture.shape, ())
    assert np.abs(loaded.pixels.astype(int) - picture).max() <= 4
    assert [item.name for item in with_pages(expand_inputs([str(tmp_path)]), None)] == [str(path)]
    with pytest.raises(InputError, match="HEIF picture, no video"):
        open_video(path, VideoOptions())


@pytest.mark.skipif(heif_reader() is None, reason="no reader of HEIC is installed")
def test_a_damaged_heic_is_refused() -> None:
    with pytest.raises(NotAnImageError, match="damaged or truncated HEIF"):
        load_image(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64))


def test_a_folder_judges_by_content_and_keeps_what_it_leaves_out(tmp_path: Path) -> None:
    for name, data in {
        "photo": encoded("JPEG"),
        "clip.jpg": b"\0\0\0\x18ftypisom\0\0\0\x01mp42isom",
        "picture.mp4": encoded("PNG"),
        "shot.NEF": raw_tiff({254: (1, 1), 330: (1, 8)}),
        "unknown.dng": b"nothing known",
        "notes.txt": b"BM and more text than a header would be long",
        "song.m4a": b"\0\0\0\x18ftypisom\0\0\0\x01mp42isom",
    }.items():
        (tmp_path / name).write_bytes(data)
    left_out: list[LeftOut] = []
    found = {Path(i.path).name: i.is_video for i in expand_inputs([str(tmp_path)], videos=True, left_out=left_out)}
    assert found == {"photo": False, "clip.jpg": True, "picture.mp4": False}
    assert [(Path(o.path).name, o.content is not None) for o in left_out] == [
        ("shot.NEF", True),
        ("unknown.dng", False),
    ]


@pytest.fixture(params=["TIFF", "GIF", "WEBP", "PNG", "MPO", "AVIF"])
def paged(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    shades = [Image.new("RGB", (32, 24), (shade, shade, shade)) for shade in (40, 120, 200)]
    path = tmp_path / f"pages.{request.param.lower()}"
    shades[0].save(path, request.param, save_all=True, append_images=shades[1:])
    return str(path)


def test_the_first_page_says_that_there_are_more(paged: str) -> None:
    loaded = load_image_with_notes(paged)
    assert abs(int(loaded.pixels[5, 5, 0]) - 40) < 6
    assert loaded.notes == ("page 1 of 3: --pages all reads every page",)


def test_every_page_or_one(paged: str) -> None:
    items = list(with_pages(expand_inputs([paged], videos=True), None))
    shades = [int(load_image(source)[5, 5, 0]) for source in page_sources(items)]
    assert [item.name for item in items] == [f"{paged}#{number}" for number in (1, 2, 3)]
    assert np.allclose(shades, (40, 120, 200), atol=6)
    (second,) = with_pages(expand_inputs([paged]), 2)
    (source,) = page_sources([second])
    assert abs(int(load_image(source)[5, 5, 0]) - 120) < 6
    (none,) = with_pages(expand_inputs([paged]), 4)
    assert none.error == "there is no page 4: the last one is 3"


def test_a_reduced_copy_in_a_tiff_is_no_page(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    small = Image.new("RGB", (16, 12))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    Image.new("RGB", (32, 24)).save(path, save_all=True, append_images=[small])
    assert load_image_with_notes(path).notes == ()


@pytest.mark.parametrize("kind", SEED_FORMATS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_mutated_pictures_are_read_or_refused(kind: str, data: st.DataObject) -> None:
    mutated = bytearray(encoded(kind))
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InputError):
        loaded = load_image(bytes(mutated[: data.draw(st.integers(1, len(mutated)))]), max_pixels=100_000)
        assert loaded.dtype == np.uint8


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"\0\0\0\x18ftyp", b"RIFF", b"OggS"]), st.binary(max_size=80))
def test_content_of_any_bytes_raises_nothing(start: bytes, rest: bytes) -> None:
    content_of(io.BytesIO(start + rest))
