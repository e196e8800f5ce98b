"""Which frames of a video are taken, and what is said of those that cannot be had."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from distortion_heads.datasets.clips import each_frame, frame_limit
from distortion_heads.datasets.labelled_image import ClipFrames
from distortion_heads.errors import ImageTooLargeError, InputError
from helpers.little_clips import levels, write_clip


def places(path: Path, clip: ClipFrames) -> list[int]:
    """The number of each frame that is taken."""
    return [round(value / 10) for value in each_frame(path, clip, lambda pixels: float(pixels.mean()))[0]]


@pytest.fixture(scope="module")
def two_seconds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "two.mkv", levels(20))


def test_frames_are_spread_evenly_over_the_video_or_the_part(two_seconds: Path) -> None:
    assert places(two_seconds, ClipFrames(frames=4)) == [2, 7, 12, 17]
    assert places(two_seconds, ClipFrames(frames=2, start=1.0, end=1.4)) == [11, 13]
    assert places(two_seconds, ClipFrames(frames=2, start=1.0)) == [12, 17]


def test_no_frame_is_taken_twice_and_what_is_asked_beyond_the_end_is_left_out(two_seconds: Path) -> None:
    assert places(two_seconds, ClipFrames(frames=40)) == list(range(20))
    assert places(two_seconds, ClipFrames(frames=2, start=1.0, end=99.0)) == [12, 17]
    assert each_frame(two_seconds, ClipFrames(frames=40), np.mean)[1] is None


def test_one_frame_is_held_at_a_time(two_seconds: Path) -> None:
    """Were all decoded first, none of the calls would come before the error."""
    seen = 0

    def second_fails(pixels: np.ndarray) -> None:
        nonlocal seen
        seen += 1
        if seen == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        each_frame(two_seconds, ClipFrames(frames=4), second_fails)
    assert seen == 2


def test_part_behind_the_end(two_seconds: Path) -> None:
    with pytest.raises(InputError, match=r"lasts 2\.00 s, and the part that is asked for begins at 3 s"):
        places(two_seconds, ClipFrames(start=3.0, end=4.0))


def test_video_without_a_length(tmp_path: Path) -> None:
    stream = tmp_path / "stream.m2v"
    with av.open(str(stream), "w", format="mpeg2video") as container:
        video = container.add_stream("mpeg2video", rate=25)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        for pixels in levels(8):
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(video.encode())
    with pytest.raises(InputError, match=r"does not say how long it is.*another container"):
        places(stream, ClipFrames())


def test_cut_off_video_gives_what_there_is_and_says_so(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3)).astype(np.uint8)
    path = write_clip(tmp_path / "cut.mkv", list(noise))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    frames, problem = each_frame(path, ClipFrames(frames=10), lambda pixels: None)
    assert 3 <= len(frames) <= 6
    assert problem is not None
    assert " s" in problem


def test_no_video_and_too_large_frames(tmp_path: Path, two_seconds: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video at all")
    with pytest.raises(InputError, match="not a video"):
        places(tmp_path / "text.mp4", ClipFrames())
    with pytest.raises(ImageTooLargeError, match="64 x 64 = 4096 pixels, above the limit of 4000"):
        each_frame(two_seconds, ClipFrames(), np.mean, max_pixels=4000)
    assert frame_limit(4000) == 4000
    assert frame_limit(250_000_000) == 1 << 26
