"""Reading: containers, times, choice of frames, damage, limits, pipes, numbered pictures."""

from __future__ import annotations

import os
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from distortion_heads.errors import ImageTooLargeError, InputError
from distortion_heads.io.video.options import Frame, Sampling, VideoOptions, VideoSource
from distortion_heads.io.video.reader import open_video
from helpers.video_clips import grey, place_of, steps, write_clip

COUNT, RATE = 40, 10


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "steps.mp4", steps(COUNT))


def read(source: object, **options: object) -> tuple[list[Frame], VideoSource]:
    video = open_video(source, VideoOptions(**options))  # type: ignore[arg-type]
    try:
        return list(video.frames()), video
    finally:
        video.close()


def places(frames: list[Frame]) -> list[int]:
    return [place_of(frame.pixels) for frame in frames]


def moments(frames: list[Frame]) -> list[float]:
    return [round(frame.time, 3) for frame in frames]


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        ("mp4", "mpeg4"),
        ("mp4", "libx264"),
        ("mkv", "libx265"),
        ("mov", "mjpeg"),
        ("avi", "mpeg4"),
        ("webm", "libvpx-vp9"),
        ("ts", "libx264"),
        ("flv", "libx264"),
        ("mpg", "mpeg2video"),
        ("nut", "ffv1"),
    ],
)
def test_every_frame_of_many_containers_and_codecs(tmp_path: Path, suffix: str, codec: str) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    rate = 25 if codec == "mpeg2video" else RATE
    path = write_clip(tmp_path / f"clip.{suffix}", steps(12), codec=codec, pix_fmt=pix_fmt, rate=rate, options=options)
    frames, video = read(path)
    assert places(frames) == list(range(12))
    assert moments(frames) == [pytest.approx(i / rate, abs=0.002) for i in range(12)]
    assert [frame.index for frame in frames] == list(range(12))
    assert video.damage is None


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [
        ("wmv", "wmv2", "yuv420p"),
        ("asf", "msmpeg4v3", "yuv420p"),
        ("mxf", "mpeg2video", "yuv422p"),
        ("vob", "mpeg2video", "yuv420p"),
        ("mpg", "mpeg1video", "yuv420p"),
        ("mov", "prores_ks", "yuv422p10le"),
        ("mov", "png", "rgb24"),
        ("mov", "jpeg2000", "yuv420p"),
        ("mp4", "libsvtav1", "yuv420p"),
        ("webm", "libvpx", "yuv420p"),
        ("ivf", "libvpx", "yuv420p"),
        ("y4m", "rawvideo", "yuv420p"),
        ("h264", "libx264", "yuv420p"),
        ("m2ts", "libx264", "yuv420p"),
        ("mkv", "libx264rgb", "rgb24"),
        ("avi", "huffyuv", "yuv422p"),
        ("mjpeg", "mjpeg", "yuvj420p"),
        ("3gp", "mpeg4", "yuv420p"),
    ],
)
def test_pictures_of_further_containers_codecs_and_formats(
    tmp_path: Path, suffix: str, codec: str, pix_fmt: str
) -> None:
    try:
        av.Codec(codec, "w")
    except ValueError:
        pytest.skip(f"this FFmpeg has no {codec}")
    frames, video = read(write_clip(tmp_path / f"clip.{suffix}", steps(6), codec=codec, pix_fmt=pix_fmt, rate=25))
    assert places(frames) == list(range(6))
    assert video.damage is None


def test_what_the_file_says_of_itself(clip: Path) -> None:
    _, video = read(str(clip))
    assert (video.info.path, video.info.width, video.info.height) == (str(clip), 64, 48)
    assert video.info.frame_rate == RATE
    assert video.info.duration == pytest.approx(COUNT / RATE)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_variable_frame_rate_keeps_its_times(tmp_path: Path, suffix: str) -> None:
    times = [0.0, 0.04, 0.08, 0.5, 1.5, 1.52, 1.6, 3.0]
    path = write_clip(tmp_path / f"vfr.{suffix}", steps(len(times)), codec="libx264", rate=25, times=times)
    frames, video = read(path)
    assert moments(frames) == [pytest.approx(time, abs=0.002) for time in times]
    assert places(frames) == list(range(len(times)))
    assert video.damage is None


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(every=10), [0, 10, 20, 30]),
        (Sampling(fps=2), list(range(0, 40, 5))),
        (Sampling(frames=4), [5, 15, 25, 35]),
        (Sampling(frames=10), list(range(2, 40, 4))),
        (Sampling(frames=100), list(range(40))),
        (Sampling(frames=2, start=1, end=3), [15, 25]),
        (Sampling(start=1.05, end=1.5), [11, 12, 13, 14]),
        (Sampling(start=3.75, end=90), [38, 39]),
        (Sampling(start=60), []),
    ],
)
def test_choice_of_frames(clip: Path, sampling: Sampling, expected: list[int]) -> None:
    frames, video = read(clip, sampling=sampling)
    assert places(frames) == expected
    assert moments(frames) == [place / RATE for place in expected]
    assert video.damage is None


@pytest.mark.parametrize("count", [1, 4, 6, 8])
def test_as_many_frames_as_there_are(tmp_path: Path, count: int) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [grey(20 + 20 * i) for i in range(count)])
    assert len(read(clip, sampling=Sampling(frames=count))[0]) == count


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
def test_seeking_lands_on_the_same_frames_as_reading_through(tmp_path: Path, suffix: str) -> None:
    pictures = [grey(30 + 5 * (i // 10 % 40)) for i in range(400)]
    path = write_clip(tmp_path / f"long.{suffix}", pictures, codec="libx264", rate=20, gop=40)
    through, _ = read(path)
    for sampling in (Sampling(start=12.02, end=12.5), Sampling(frames=3)):
        frames, _ = read(path, sampling=sampling)
        assert len(frames) == (9 if sampling.frames is None else 3)
        for frame in frames:
            (same,) = [other for other in through if abs(other.time - frame.time) < 1e-3]
            assert np.array_equal(same.pixels, frame.pixels)


def test_times_start_at_zero_whatever_the_container_counts_from(tmp_path: Path) -> None:
    times = [100 + i / 10 for i in range(10)]
    path = write_clip(tmp_path / "late.ts", steps(10), codec="libx264", rate=25, times=times)
    frames, _ = read(path)
    assert moments(frames) == [pytest.approx(i / 10, abs=0.002) for i in range(10)]
    frames, _ = read(path, sampling=Sampling(start=0.5))
    assert places(frames) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("seekable", [True, False], ids=["file", "pipe"])
def test_a_truncated_file_gives_what_there_is_and_says_from_when_on(tmp_path: Path, seekable: bool) -> None:
    pictures = [np.random.default_rng(i).integers(0, 256, (48, 64, 3)).astype(np.uint8) for i in range(40)]
    path = write_clip(tmp_path / "whole.mp4", pictures, container_options={"movflags": "faststart"})
    data = path.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) // 2])
    if not seekable:
        with cut.open("rb") as stream:
            frames, _ = read(stream)
        assert 10 < len(frames) < 30
        return
    frames, video = read(cut)
    assert 10 < len(frames) < 30
    assert video.damage is not None
    assert video.damage.time == pytest.approx(frames[-1].time + 0.1, abs=0.11)
    assert f"from {video.damage.time:.2f} s on" in str(video.damage)


def test_damage_in_the_middle_is_told_and_what_follows_is_read(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mkv", steps(40), codec="ffv1", pix_fmt="yuv420p", options={"slicecrc": "1"}, gop=1
    )
    clean, video = read(path)
    assert video.damage is None
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    for i in range(middle, middle + 400):
        data[i] ^= 0x5A
    path.write_bytes(data)
    frames, video = read(path)
    assert video.damage is not None
    assert 0.5 < video.damage.time < 3.5
    assert video.damage.count >= 1
    assert places(frames)[0] == 0
    assert frames[-1].time > video.damage.time
    assert len(frames) <= len(clean)


def test_no_video_in_it(tmp_path: Path) -> None:
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="no video in this file: it has audio only"):
        read(sound)


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "no such file"), (b"", "it is empty"), (b"not a video at all " * 99, "not a video that can be read")],
)
def test_what_is_no_video(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=says):
        read(path)


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read(tmp_path)


def test_a_still_growing_mp4_says_why_it_cannot_be_read(clip: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"  # its index is at the end
    cut.write_bytes(clip.read_bytes()[:2000])
    with pytest.raises(InputError, match="a cut-off or still growing MP4 has no index"):
        read(cut)


def test_limits(clip: Path) -> None:
    with pytest.raises(ImageTooLargeError, match="64 x 48 = 3072 pixels, above the limit of 3000"):
        read(clip, max_pixels=3000)
    frames, video = read(clip, max_frames=7)
    assert len(frames) == 7
    assert video.damage is not None
    assert video.damage.time == pytest.approx(0.7)
    assert "more than 7 frames" in str(video.damage)
    assert read(clip, max_frames=COUNT)[1].damage is None


def test_a_pipe_of_encoded_video(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.ts", steps(12), codec="libx264")
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as stream:
            stream.write(path.read_bytes())

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reading, "rb") as stream:
        frames, video = read(stream)
        thread.join()
    assert places(frames) == list(range(12))
    assert video.info.path is None
    with path.open("rb") as stream, pytest.raises(InputError, match="--frames needs a file"):
        read(stream, sampling=Sampling(frames=3))


@pytest.fixture
def numbered(tmp_path: Path) -> str:
    for number in (8, 9, 10, 12):
        Image.fromarray(grey(10 * number)).save(tmp_path / f"frame_{number:03d}.png")
    Image.fromarray(grey(0)).save(tmp_path / "frame_x.png")
    return str(tmp_path / "frame_%03d.png")


def test_numbered_pictures_are_a_video_with_gaps_in_time(numbered: str) -> None:
    frames, video = read(numbered, sequence_rate=10)
    assert [frame.pixels[0, 0, 0] for frame in frames] == [80, 90, 100, 120]
    assert moments(frames) == [0.0, 0.1, 0.2, 0.4]
    assert video.info.duration == pytest.approx(0.5)
    assert video.damage is None


def test_choice_among_numbered_pictures(numbered: str) -> None:
    assert moments(read(numbered, sequence_rate=10, sampling=Sampling(frames=2))[0]) == [0.1, 0.4]
    assert moments(read(numbered, sequence_rate=10, sampling=Sampling(start=0.1, end=0.4))[0]) == [0.1, 0.2]


def test_a_broken_picture_in_a_sequence_is_left_out_and_told(numbered: str) -> None:
    Path(numbered % 9).write_bytes(b"broken")
    frames, video = read(numbered, sequence_rate=10)
    assert moments(frames) == [0.0, 0.2, 0.4]
    assert video.damage is not None
    assert video.damage.time == pytest.approx(0.1)


@pytest.mark.parametrize(("name", "says"), [("other_%d.png", "no file matches"), ("a_%d_%d.png", "has one number")])
def test_patterns_that_lead_to_nothing(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read(str(tmp_path / name))


def test_a_sequence_says_what_was_done_to_its_pictures(tmp_path: Path) -> None:
    for number in range(3):
        values = np.full((24, 32), 3000 + number, np.uint16)
        values[::2] = 1000
        Image.fromarray(values if number else (values * 16).astype(np.uint16)).save(tmp_path / f"f_{number}.png")
    video = open_video(tmp_path / "f_%d.png", VideoOptions())
    assert len(list(video.frames())) == 3
    assert video.notes == (
        "values up to 3001 of 65535: read as 12 bits and scaled (1 of 3 pictures)",
        "values up to 3002 of 65535: read as 12 bits and scaled (1 of 3 pictures)",
    )
