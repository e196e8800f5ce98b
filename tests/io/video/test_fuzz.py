from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distortion_heads.errors import InputError
from distortion_heads.io.video.options import VideoOptions
from distortion_heads.io.video.reader import open_video
from distortion_heads.video.predict import predict_video
from helpers.little_clips import levels, write_clip

OPTIONS = VideoOptions(max_pixels=100_000, max_frames=20)


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_videos_are_read_or_refused(suffix: str, data: st.DataObject, tmp_path: Path) -> None:
    whole = write_clip(tmp_path / f"whole{suffix}", levels(4)).read_bytes()
    mutated = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"mutated{suffix}"
    path.write_bytes(mutated[: data.draw(st.integers(1, len(mutated)))])
    with suppress(InputError), closing(open_video(path, OPTIONS)) as source:
        assert all(frame.pixels.shape[2] == 3 for frame in source.frames())


def test_a_still_is_no_video(tmp_path: Path) -> None:
    still = tmp_path / "still.heic"
    still.write_bytes(b"\0\0\0\x18ftypavif\0\0\0\0mif1avif")
    with pytest.raises(InputError, match="an AVIF picture, no video: leave --video out"):
        open_video(still, OPTIONS)


def test_a_video_without_frames_is_no_question_of_times(brightness: object, tmp_path: Path) -> None:
    import av

    path = tmp_path / "none.mp4"
    with av.open(str(path), "w", options={"movflags": "frag_keyframe+empty_moov"}) as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        container.start_encoding()
    with pytest.raises(InputError, match="there is no frame in this video"):
        predict_video(brightness, path)  # type: ignore[arg-type]
