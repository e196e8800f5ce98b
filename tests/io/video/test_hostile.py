from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from distortion_heads.datasets.audit.pixels import first_frame
from distortion_heads.errors import ImageTooLargeError, InputError
from distortion_heads.io.video import budget
from distortion_heads.io.video.encode import Coding, encode_video
from distortion_heads.io.video.options import Follow, VideoOptions
from distortion_heads.io.video.reader import open_video
from helpers.video_clips import grey, steps, write_clip

NAMES = ["12:30.mp4", "cam:1.mp4", "file:x.mp4", "data:video.mp4", "concat:a.mp4", "http:", "pipe:0.mp4"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "sound.mp4", steps(4))


def count(path: str | Path, options: VideoOptions | None = None) -> int:
    with closing(open_video(path, options or VideoOptions())) as video:
        return len(list(video.frames()))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_looks_like_a_url_is_a_file(
    name: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(clip, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert count(name) == 4
    assert first_frame(Path(name)).shape == (48, 64, 3)


def test_a_folder_called_http_is_no_address(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        folder = tmp_path / "http:" / f"127.0.0.1:{server.getsockname()[1]}"
        folder.mkdir(parents=True)
        shutil.copy(clip, folder / "v.mp4")
        monkeypatch.chdir(tmp_path)
        assert count(f"http:/{folder.name}/v.mp4") == 4
        with pytest.raises(InputError, match="no such file"):
            open_video(f"http://{folder.name}/w.mp4", VideoOptions())
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_video_is_written_to_the_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = Path("data:text.mp4")
    encode_video([(0.0, grey(90)), (0.1, grey(90))], target, Coding(codec="h264", crf=30.0), 10.0)
    assert target.stat().st_size > 500
    assert count(target) == 2


def lists(neighbour: Path) -> Iterator[tuple[str, str]]:
    """Texts that make FFmpeg open another file, by the name of the file that holds them."""
    yield "clip.mp4", f"ffconcat version 1.0\nfile {neighbour.name}\n"
    yield "self.mp4", "ffconcat version 1.0\nfile self.mp4\n"
    yield "absolute.mp4", f"ffconcat version 1.0\nfile '{neighbour}'\n"
    yield "list.m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{neighbour}\n#EXT-X-ENDLIST\n"
    yield (
        "dash.mpd",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet '
        f'mimeType="video/mp4"><Representation id="1"><BaseURL>{neighbour.name}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>",
    )
    yield "talk.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"


def test_a_list_of_files_is_no_video(clip: Path) -> None:
    for name, text in lists(clip):
        path = clip.parent / name
        path.write_text(text)
        with pytest.raises(InputError, match="not a video that can be read"):
            open_video(path, VideoOptions())
        with path.open("rb") as stream, pytest.raises(InputError, match="not a video"):
            open_video(stream, VideoOptions())
        with pytest.raises(InputError, match="not a video"):
            open_video(path, VideoOptions(follow=Follow(patience=0.1)))


def test_a_small_file_of_many_large_frames_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_clip(tmp_path / "all_alike.mp4", [grey(90)] * 40)
    monkeypatch.setattr(budget, "SMALL_PIXELS", 10 * 256 * 256)  # a smaller frame is padded to that
    monkeypatch.setattr(budget, "PIXELS_PER_BYTE", 1)
    with closing(open_video(path, VideoOptions())) as video:
        assert 8 <= len(list(video.frames())) < 12
        assert "read on with --max-frames" in str(video.damage)
    assert count(path, VideoOptions(max_frames=1000)) == 40
    with path.open("rb") as stream, closing(open_video(stream, VideoOptions())) as video:
        assert len(list(video.frames())) == 40  # a stream is as long as its writer wants
    with monkeypatch.context() as larger:
        larger.setattr(budget, "SMALL_BYTES", path.stat().st_size)
        assert count(path) == 40
    monkeypatch.setattr(budget, "PIXELS_PER_BYTE", 41 * 256 * 256 // path.stat().st_size)
    assert count(path) == 40  # its bytes are enough for an ordinary clip


def test_a_frame_of_a_small_file_is_no_larger_than_8k(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "large.mp4", [grey(90)] * 2)
    monkeypatch.setattr(budget, "SMALL_FRAME", 3000)
    with pytest.raises(ImageTooLargeError, match="above the limit of 3000: raise it with --max-pixels"):
        open_video(path, VideoOptions())
    assert count(path, VideoOptions(max_pixels=4000)) == 2


def test_frames_before_those_that_are_too_large_are_kept(tmp_path: Path) -> None:
    parts = [
        write_clip(tmp_path / f"{side}.ts", [grey(90, side, side)] * 5, codec="mpeg2video", rate=25)
        for side in (64, 640)
    ]
    path = tmp_path / "grows.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with closing(open_video(path, VideoOptions(max_pixels=10_000))) as video:
        assert [frame.index for frame in video.frames()][:4] == [0, 1, 2, 3]
        assert "frames of 640 x 640" in str(video.damage)
