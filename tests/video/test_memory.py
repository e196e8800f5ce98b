"""Frames that were read do not stay in memory."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import av
import pytest

from distortion_heads.io.video.options import VideoOptions
from distortion_heads.io.video.reader import open_video
from helpers.video_clips import steps, write_clip


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
def test_frames_are_freed_without_the_collector_of_cycles(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", steps(40))
    with closing(open_video(clip, VideoOptions())) as video:
        assert sum(1 for _ in video.frames()) == 40
    # by their types: asking other modules' objects for their class may warn
    assert sum(issubclass(type(each), av.VideoFrame) for each in gc.get_objects()) < 5
