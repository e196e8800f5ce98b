"""What a container says is read, not guessed: durations, origins, sizes, side data; curves and combing are told."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from distortion_heads.io.video.growing import GrowingStream
from distortion_heads.io.video.length import is_whole
from distortion_heads.io.video.options import Follow, Frame, Sampling, VideoOptions, VideoSource
from distortion_heads.io.video.reader import open_video
from distortion_heads.io.video.tone import to_sdr
from distortion_heads.views.runs import without_repeats
from helpers.video_clips import CLOCK, grey, steps, write_clip


def read(path: Path | str, **options: object) -> tuple[list[Frame], VideoSource]:
    video = open_video(path, VideoOptions(**options))  # type: ignore[arg-type]
    try:
        return list(video.frames()), video
    finally:
        video.close()


def slides(path: Path, codec: str, begin: int = 0) -> Path:
    """Three pictures, of one second, one second and four, from `begin` seconds on."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = CLOCK
        for i, lasts in enumerate((1, 1, 4)):
            frame = av.VideoFrame.from_ndarray(grey(40 + 10 * i))
            frame.pts, frame.time_base, frame.duration = 1000 * (begin + i), CLOCK, 1000 * lasts
            for packet in stream.encode(frame):
                packet.duration = round(lasts / packet.time_base)
                container.mux(packet)
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("begin", [0, 100])
@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "mpeg4"), ("mov", "mjpeg"), ("mkv", "mpeg4"), ("webm", "vp8")])
def test_the_last_picture_lasts_as_long_as_the_file_says(tmp_path: Path, suffix: str, codec: str, begin: int) -> None:
    frames, video = read(slides(tmp_path / f"slides.{suffix}", codec, begin))
    assert [round(frame.time, 2) for frame in frames] == [0, 1, 2]
    assert video.end == pytest.approx(6, abs=0.01)
    assert video.info.duration == pytest.approx(6, abs=0.01)
    assert video.damage is None


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_a_file_is_as_long_as_its_sizes_say_or_cut_off(tmp_path: Path, suffix: str) -> None:
    path = write_clip(tmp_path / f"clip.{suffix}", steps(12))
    assert is_whole(str(path)) is True
    path.write_bytes(path.read_bytes()[:-200])
    assert is_whole(str(path)) is False


@pytest.fixture
def between_key_frames(tmp_path: Path) -> Path:
    """A transport stream from its 36th packet on; each frame has a level of its own."""
    pictures = [grey(20 + i) for i in range(160)]
    whole = write_clip(tmp_path / "whole.ts", pictures, codec="libx264", rate=20, gop=30, options={"sc_threshold": "0"})
    path = tmp_path / "from_the_middle.ts"
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for i, packet in enumerate(source.demux(video=0)):
            if packet.size and i >= 35:
                packet.stream = stream
                target.mux(packet)
    return path


def test_a_stream_from_between_key_frames_loses_its_beginning_not_its_end(between_key_frames: Path) -> None:
    frames, video = read(between_key_frames)
    assert video.damage is None
    assert frames[0].time == pytest.approx(1.25, abs=0.16)
    (note,) = video.notes
    assert note.startswith(f"the first {frames[0].time:.2f} s cannot be decoded")
    live, followed = read(between_key_frames, follow=Follow(patience=0.1))
    assert (followed.damage, len(live)) == (None, len(frames))
    later, _ = read(between_key_frames, sampling=Sampling(start=4.0))
    times = {frame.time: frame.pixels for frame in frames}
    assert all(np.array_equal(times[frame.time], frame.pixels) for frame in later[:5])
    assert later[0].time == pytest.approx(4.0, abs=0.051)


@pytest.mark.parametrize("suffix", ["avi", "mov"])
def test_side_data_without_a_name_leaves_the_clip_readable(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    path = tmp_path / f"camera.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for i in range(4):
            still = tmp_path / "still.jpg"
            Image.fromarray(grey(50 + i)).save(still, exif=exif)
            packet = av.Packet(still.read_bytes())
            packet.pts = packet.dts = i
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 10), stream, True
            container.mux(packet)
    frames, video = read(path)
    assert len(frames) == 4
    assert video.damage is None


def test_pictures_of_a_sequence_that_cannot_be_read_are_named_even_the_first(tmp_path: Path) -> None:
    for number in range(5):
        Image.fromarray(grey(40)).save(tmp_path / f"f_{number}.png")
    (tmp_path / "f_0.png").write_bytes(b"")
    frames, video = read(str(tmp_path / "f_%d.png"))
    assert len(frames) == 4
    assert str(video.damage) == "f_0.png: not an image: it is empty (1 of 5 pictures left out)"


def test_hdr_white_is_bright_and_grey_stays_grey() -> None:
    pq_white = round(0.58069 * 65535)  # 203 cd/m2
    pixels = np.full((2, 2, 3), pq_white, np.uint16)
    assert to_sdr(pixels, "pq") == pytest.approx(244, abs=1)
    assert to_sdr(np.full((2, 2, 3), 65535, np.uint16), "pq") == pytest.approx(255)
    ramp = np.repeat(np.linspace(0, 65535, 300).astype(np.uint16)[None, :, None], 3, axis=2)
    for curve in ("pq", "hlg", "bt2020"):
        grey_ramp = to_sdr(ramp, curve).astype(int)  # type: ignore[arg-type]
        assert np.ptp(grey_ramp, axis=2).max() <= 1
        assert (np.diff(grey_ramp[0, :, 0]) >= 0).all()


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_an_hdr_stream_says_that_it_was_tone_mapped(tmp_path: Path, transfer: int, name: str) -> None:
    def hdr(stream: object) -> None:
        context = stream.codec_context  # type: ignore[attr-defined]
        context.color_trc, context.color_primaries, context.colorspace = transfer, 9, 9

    pictures = [grey(120)] * 3
    path = write_clip(tmp_path / "hdr.mp4", pictures, codec="libx264", pix_fmt="yuv420p10le", prepare=hdr)
    _, video = read(path)
    assert any(name in note for note in video.notes)
    assert read(write_clip(tmp_path / "sdr.mp4", pictures))[1].notes == ()


def moments_of_a_pan() -> list[np.ndarray]:
    texture = np.random.default_rng(0).integers(0, 256, (12, 40), np.uint8).repeat(8, 0).repeat(8, 1)
    return [np.repeat(texture[:96, 4 * i : 4 * i + 128, None], 3, axis=2) for i in range(40)]


def woven(moments: list[np.ndarray], second: slice = slice(1, None, 2)) -> list[np.ndarray]:
    """Return frames of two moments each, the later one in the rows `second`."""
    frames = [picture.copy() for picture in moments[::2]]
    for frame, later in zip(frames, moments[1::2], strict=True):
        frame[second] = later[second]
    return frames


def test_combing_is_told_and_mended(tmp_path: Path) -> None:
    moments = moments_of_a_pan()
    path = write_clip(tmp_path / "woven.mkv", woven(moments), codec="ffv1")
    frames, video = read(path)
    assert any("interlaced" in note for note in video.notes)
    mended, video = read(path, deinterlace=True)
    assert [frame.time for frame in mended] == [frame.time for frame in frames]
    assert any("bwdif" in note for note in video.notes)

    def combing(frame: Frame) -> float:
        rows = frame.pixels[..., 0].astype(float)
        return float(np.abs(rows[:-2] - 2 * rows[1:-1] + rows[2:]).mean())

    assert combing(mended[10]) < 0.5 * combing(frames[10])
    whole = write_clip(tmp_path / "whole.mkv", moments[::2], codec="ffv1")
    assert read(whole)[1].notes == ()


@pytest.mark.parametrize("second", [slice(0, None, 2), slice(1, None, 2)], ids=["bottom first", "top first"])
def test_the_field_that_comes_first_is_seen_whatever_the_file_says(tmp_path: Path, second: slice) -> None:
    moments = moments_of_a_pan()
    options = {"flags": "+ildct+ilme", "crf": "4"}  # the encoder writes one order for both
    path = write_clip(tmp_path / "woven.mp4", woven(moments, second), codec="libx264", options=options)
    mended, _ = read(path, deinterlace=True)
    error = [np.abs(mended[i].pixels.astype(float) - moments[2 * i]).mean() for i in range(5, 15)]
    assert max(error) < 12  # neighbours in the wrong order: 45


def test_frames_without_combing_are_not_mended(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "whole.mkv", moments_of_a_pan(), codec="ffv1")
    for as_stored, mended in zip(read(path)[0], read(path, deinterlace=True)[0], strict=True):
        assert np.array_equal(as_stored.pixels, mended.pixels)


def test_repeats_are_left_out_where_no_picture_stands_long() -> None:
    times = [i / 30 for i in range(31)]
    new = np.random.default_rng(0).normal(size=(31, 8)).astype(np.float32)
    slow = np.stack([new[i // 6] for i in range(31)])
    assert without_repeats(slow, times).tolist() == [0, 6, 12, 18, 24, 30]
    assert len(without_repeats(new, times)) == 31
    frozen = np.stack([new[0 if i < 25 else i] for i in range(31)])
    assert len(without_repeats(frozen, times)) == 31


def test_a_key_frame_that_renews_a_frozen_picture_is_no_new_picture() -> None:
    times = [i / 25 for i in range(26)]
    moving = np.random.default_rng(0).normal(size=(26, 8)).astype(np.float32)
    frozen = moving.copy()
    frozen[12:] = frozen[11]
    frozen[18:] += 0.3 * np.abs(np.diff(moving, axis=0)).mean()  # coded anew, a third of a second before the end
    keys = [i in (6, 18) for i in range(26)]
    assert len(without_repeats(frozen, times)) < 26
    assert len(without_repeats(frozen, times, keys)) == 26
    cuts = np.stack([moving[i // 5] for i in range(26)])  # a slow camera, whose new pictures are coded as a whole
    assert len(without_repeats(cuts, times, [i % 5 == 0 for i in range(26)])) == 6
    assert without_repeats(frozen, times, [True] * 26).tolist() == without_repeats(frozen, times).tolist()


def test_key_frames_are_told_apart(tmp_path: Path) -> None:
    options = {"sc_threshold": "1000000000"}  # no key frame where the picture changes
    frames, _ = read(write_clip(tmp_path / "clip.mkv", steps(12), gop=5, options=options))
    assert [frame.index for frame in frames if frame.key_frame] == [0, 5, 10]


def test_patience_is_waited_once(tmp_path: Path) -> None:
    path = tmp_path / "growing.bin"
    path.write_bytes(b"x" * 10)
    with path.open("rb") as file:
        stream = GrowingStream(file, patience=0.2)
        assert [stream.read(100) for _ in range(2)] == [b"x" * 10, b""]
        path.write_bytes(b"x" * 20)
        assert stream.read(100) == b"", "an end that was told once stays one"
