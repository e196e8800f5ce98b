from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from distortion_heads.errors import DheadsError, InputError
from distortion_heads.io.video.encode import Codec, Coding, bit_rate_text, encode_video, parse_bit_rate
from distortion_heads.io.video.options import VideoOptions
from distortion_heads.io.video.reader import open_video

Picture = NDArray[np.uint8]
LOSSY: tuple[Codec, ...] = ("h264", "hevc", "mpeg4")


def scene(height: int = 48, width: int = 64, moved: int = 0) -> Picture:
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 100 * np.sin((x + moved) / 9), 127 + 100 * np.cos(y / 7), 127 + 90 * np.sin((x + y) / 11)]
    return np.stack(waves, -1).astype(np.uint8)


def read(path: Path) -> tuple[list[float], list[Picture]]:
    with closing(open_video(str(path), VideoOptions())) as video:
        frames = list(video.frames())
        assert video.damage is None
    return [frame.time for frame in frames], [frame.pixels for frame in frames]


def test_ffv1_gives_back_what_was_encoded_at_any_size(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (33, 47, 3), dtype=np.uint8) for _ in range(3)]
    encoded = encode_video([(i / 5, picture) for i, picture in enumerate(pictures)], tmp_path / "a", Coding(), 5.0)
    assert (encoded.frames, encoded.width, encoded.height) == (3, 47, 33)
    for picture, found in zip(pictures, read(tmp_path / "a")[1], strict=True):
        np.testing.assert_array_equal(found, picture)


@pytest.mark.parametrize("codec", LOSSY)
def test_lossy_codecs_keep_colours_times_and_an_even_size(tmp_path: Path, codec: Codec) -> None:
    pictures = [scene(47, 63, i) for i in range(6)]
    times = [10.0, 10.04, 10.08, 10.5, 10.54, 11.0]  # a variable frame rate
    encoded = encode_video(zip(times, pictures, strict=True), tmp_path / "a", Coding(codec=codec), 25.0)
    assert (encoded.frames, encoded.width, encoded.height) == (6, 64, 48)
    found_times, found = read(tmp_path / "a")
    assert found_times == pytest.approx([time - 10 for time in times], abs=1e-4)
    for picture, copy in zip(pictures, found, strict=True):
        difference = copy[:47, :63].astype(float) - picture
        assert np.abs(difference).mean() < 6  # 8 with the matrix of BT.601
        assert np.abs(difference.mean(axis=(0, 1))).max() < 1  # no wrong matrix or range


@pytest.mark.parametrize("coding", [Coding(), Coding(codec="mpeg4", bit_rate=100_000)], ids=str)
def test_the_same_pictures_give_the_same_bytes(tmp_path: Path, coding: Coding) -> None:
    pictures = [(i / 10, scene(moved=i)) for i in range(8)]
    for name in ("a", "b"):
        encode_video(pictures, tmp_path / name, coding, 10.0)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("codec", LOSSY)
def test_a_lower_bit_rate_makes_a_smaller_file(tmp_path: Path, codec: Codec) -> None:
    noisy = np.random.default_rng(0).integers(-30, 30, (20, 48, 64, 3))
    pictures = [(i / 10, np.clip(scene(moved=i) + noisy[i], 0, 255).astype(np.uint8)) for i in range(20)]
    sizes = []
    for rate in (60_000, 600_000):
        encode_video(pictures, tmp_path / "a", Coding(codec=codec, bit_rate=rate), 10.0)
        sizes.append((tmp_path / "a").stat().st_size)
    assert 2 * sizes[0] < sizes[1]


def test_a_crf_sets_the_quality(tmp_path: Path) -> None:
    pictures = [(i / 10, scene(moved=i)) for i in range(5)]
    sizes = []
    for crf in (10, 40):
        encode_video(pictures, tmp_path / "a", Coding(codec="h264", crf=crf), 10.0)
        sizes.append((tmp_path / "a").stat().st_size)
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"bit_rate": 500_000}, "lossless"),
        ({"crf": 20}, "lossless"),
        ({"codec": "h264", "crf": 20, "bit_rate": 500_000}, "not both"),
        ({"codec": "h264", "crf": 52}, "0 to 51"),
        ({"codec": "h264", "crf": float("nan")}, "0 to 51"),
        ({"codec": "mpeg4", "crf": 20}, "h264 and hevc"),
        ({"codec": "h264", "bit_rate": 5}, "10000"),
        ({"codec": "vp9"}, "choose one of"),
    ],
)
def test_what_a_codec_does_not_have_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(DheadsError, match=said):
        Coding(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "rate"), [("800000", 800_000), ("800k", 800_000), ("1.5M", 1_500_000)])
def test_bit_rates(text: str, rate: int) -> None:
    assert parse_bit_rate(text) == rate
    assert parse_bit_rate(bit_rate_text(rate)) == rate


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (10_000, "10k"),
        (400_000, "400k"),
        (1_000_000, "1M"),
        (1_250_000, "1.25M"),
        (1_234_000, "1234k"),
        (1_234_567, "1234567"),
        (999_999, "999999"),
        (100_000_000, "100M"),
        (999_999_999, "999999999"),
        (1_000_000_000, "1000M"),
    ],
)
def test_bit_rates_are_written_as_a_person_would_and_exactly(rate: int, text: str) -> None:
    assert bit_rate_text(rate) == text
    assert parse_bit_rate(text) == rate


@pytest.mark.parametrize("text", ["", "k", "-5k", "1 M", "1G", "1e6"])
def test_what_is_no_bit_rate(text: str) -> None:
    with pytest.raises(DheadsError, match="800k"):
        parse_bit_rate(text)


def test_no_picture_or_pictures_of_two_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no frame"):
        encode_video([], tmp_path / "a", Coding(), 10.0)
    with pytest.raises(InputError, match="48 x 32 follow on such of 64 x 48"):
        encode_video([(0.0, scene()), (0.1, scene(32, 48))], tmp_path / "b", Coding(codec="h264"), 10.0)


def test_a_target_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        encode_video([(0.0, scene())], tmp_path / "absent" / "a", Coding(), 10.0)
