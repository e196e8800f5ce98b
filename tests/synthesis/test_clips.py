"""`dheads synth` on clips."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_cli.main import run as dheads
from distortion_heads.datasets.load import load_corpus
from distortion_heads.errors import DataError
from distortion_heads.io.video.encode import Coding, encode_video
from distortion_heads.io.video.options import VideoOptions
from distortion_heads.io.video.reader import open_video
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.clips import ClipTarget, Interval, intervals_of, parse_interval
from distortion_heads.synthesis.distort import Step, distort, distort_frame
from helpers.synth_runs import contents, finish, make_run, manifest, save_photo

RATE, FRAMES = 10, 12
Picture = NDArray[np.uint8]
PART = ClipTarget(intervals=(Interval(start=0.3, end=0.6),))


def still() -> Picture:
    return np.random.default_rng(3).integers(60, 190, (6, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A still scene of 48 x 64, without loss, and so that every change is a distortion."""
    folder = tmp_path / "clips"
    folder.mkdir()
    encode_video([(i / RATE, still()) for i in range(FRAMES)], folder / "a.mkv", Coding(), RATE)
    return folder


def frames_of(path: Path) -> Iterator[tuple[float, Picture]]:
    with closing(open_video(str(path), VideoOptions())) as video:
        yield from ((frame.time, frame.pixels) for frame in video.frames())
        assert video.damage is None


def changed(path: Path) -> list[int]:
    return [i for i, (_, pixels) in enumerate(frames_of(path)) if np.any(pixels != still())]


def test_only_the_frames_of_the_intervals_are_distorted_and_times_are_kept(
    bank: dict[str, HeadSpec], clips: Path, tmp_path: Path
) -> None:
    two = ClipTarget(intervals=(Interval(start=0.3, end=0.6), Interval(start=0.8, end=0.9)))
    finish(make_run(bank, clips, tmp_path / "out", "darken", clips=two))
    file = tmp_path / "out/a.mkv.darken-5.mkv"
    assert changed(file) == [3, 4, 5, 8]
    assert [time for time, _ in frames_of(file)] == pytest.approx([i / RATE for i in range(FRAMES)], abs=1e-3)
    row = manifest(tmp_path / "out")[2]
    assert row["file"] == file.name
    assert (row["labels"], row["severities"], row["interval"], row["codec"]) == (
        "darken",
        "5",
        "0.3-0.6+0.8-0.9",
        "ffv1",
    )
    assert intervals_of(row["interval"]) == two.intervals
    assert (row["width"], row["height"], row["bit_rate"], row["crf"]) == ("64", "48", "", "")


def test_without_an_interval_the_whole_clip_is_distorted(
    bank: dict[str, HeadSpec], clips: Path, tmp_path: Path
) -> None:
    finish(make_run(bank, clips, tmp_path / "out", "darken"))
    assert changed(tmp_path / "out/a.mkv.darken-3.mkv") == list(range(FRAMES))
    assert manifest(tmp_path / "out")[0]["interval"] == ""


def test_noise_differs_from_frame_to_frame_and_all_else_stays(bank: dict[str, HeadSpec]) -> None:
    image = still().astype(np.float32) / 255
    for label in ("motion_blur", "lens_blur", "smoke", "uneven_illumination", "jpeg", "color_block", "jitter"):
        steps = (Step(spec=bank[label], severity=4),)
        first, second = (distort_frame(image, steps, 7, frame) for frame in (0, 1))
        np.testing.assert_array_equal(first, second, err_msg=label)
        np.testing.assert_array_equal(first, distort(image, steps, np.random.default_rng(7)), err_msg=label)
    for label in ("white_noise", "pink_noise", "impulse_noise", "multiplicative_noise", "white_noise_ycbcr", "denoise"):
        steps = (Step(spec=bank[label], severity=4),)
        first, second = (distort_frame(image, steps, 7, frame) for frame in (0, 1))
        assert np.any(first != second), label
        np.testing.assert_array_equal(first, distort_frame(image, steps, 7, 0), err_msg=label)


@pytest.mark.parametrize("seed", range(12))
def test_the_kind_of_noise_stays_over_a_clip(bank: dict[str, HeadSpec], seed: int) -> None:
    """White noise of one seed is grey, or coloured, in all frames; so are all impulses of one kind."""
    image = np.full((32, 32, 3), 0.5, np.float32)
    noise = [distort_frame(image, (Step(spec=bank["white_noise"], severity=3),), seed, i) - 0.5 for i in range(3)]
    correlations = [np.corrcoef(each[..., 0].ravel(), each[..., 1].ravel())[0, 1] for each in noise]
    assert np.ptp(correlations) < 0.25
    hits = [distort_frame(image, (Step(spec=bank["impulse_noise"], severity=5),), seed, i) != 0.5 for i in range(3)]
    assert len({int(each.sum()) for each in hits}) == 1
    assert len({bool(np.all(each.any(-1) == each.all(-1))) for each in hits}) == 1


def test_a_clip_does_not_depend_on_the_number_of_processes_and_is_not_made_again(
    bank: dict[str, HeadSpec], clips: Path, tmp_path: Path
) -> None:
    save_photo(clips / "b.png")
    for jobs in (1, 2):
        finish(make_run(bank, clips, tmp_path / f"{jobs}", "white_noise", clips=PART, jobs=jobs))
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    assert [row["source"].endswith(".png") for row in manifest(tmp_path / "1")] == [False] * 3 + [True] * 3
    before = contents(tmp_path / "1")
    (tmp_path / "1/a.mkv.white_noise-3.mkv").unlink()
    (tmp_path / "1/manifest.csv").unlink()
    outcomes = finish(make_run(bank, clips, tmp_path / "1", "white_noise", clips=PART))
    assert sum(outcome.made for outcome in outcomes) == 1
    assert contents(tmp_path / "1") == before


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"clips": ClipTarget()}, "intervals"), ({"clips": replace(PART, coding=Coding(codec="h264"))}, "codec null")],
)
def test_other_intervals_or_another_codec_are_another_run(
    bank: dict[str, HeadSpec], clips: Path, tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    finish(make_run(bank, clips, tmp_path / "out", "darken", clips=PART))
    with pytest.raises(DataError, match=f"holds a run with {named}"):
        finish(make_run(bank, clips, tmp_path / "out", "darken", **changes))


def test_the_record_of_a_run_of_pictures_has_no_codec(bank: dict[str, HeadSpec], photos: Path, tmp_path: Path) -> None:
    finish(make_run(bank, photos, tmp_path / "out", "darken"))
    record = json.loads((tmp_path / "out/synth.json").read_text())
    assert record["codec"] is None
    assert record["intervals"] is None
    assert manifest(tmp_path / "out")[0]["codec"] == ""


def test_clips_can_be_evaluated_unless_they_are_distorted_in_part(
    bank: dict[str, HeadSpec], clips: Path, tmp_path: Path
) -> None:
    finish(make_run(bank, clips, tmp_path / "whole", "darken"))
    records = load_corpus(tmp_path / "whole").records
    assert {record.path.name: dict(record.severities) for record in records} == {
        "a.mkv": {},
        **{f"a.mkv.darken-{level}.mkv": {"darken": level} for level in (1, 3, 5)},
    }
    finish(make_run(bank, clips, tmp_path / "part", "darken", clips=PART))
    with pytest.raises(DataError, match="without --interval"):
        load_corpus(tmp_path / "part")


def test_a_clip_that_ends_before_the_interval_or_is_cut_off_is_told_and_not_made(
    bank: dict[str, HeadSpec], clips: Path, tmp_path: Path
) -> None:
    data = (clips / "a.mkv").read_bytes()
    (clips / "b.mkv").write_bytes(data[: len(data) // 3])
    late = ClipTarget(intervals=(Interval(start=5, end=6),))
    outcomes = finish(make_run(bank, clips, tmp_path / "out", "darken", clips=late))
    problems = [problem for outcome in outcomes for problem in outcome.problems]
    assert problems[0] == f"{clips / 'a.mkv'}: darken-1: no frame lies in the interval: the last one is at 1.10 s"
    assert f"{clips / 'b.mkv'}: cannot be read from" in problems[-1]
    assert set(contents(tmp_path / "out")) == {"manifest.csv", "synth.json"}
    assert manifest(tmp_path / "out") == []


def test_what_needs_several_frames_is_made_over_the_interval(
    bank: dict[str, HeadSpec], clips: Path, tmp_path: Path
) -> None:
    moving = [(i / RATE, np.roll(still(), 8 * i, axis=1)) for i in range(FRAMES)]
    encode_video(moving, clips / "a.mkv", Coding(), RATE)
    part = ClipTarget(intervals=(Interval(start=0.3, end=1.0),))
    finish(make_run(bank, clips, tmp_path / "out", "flicker,frozen_frames", clips=part))
    flickering = [pixels for _, pixels in frames_of(tmp_path / "out/a.mkv.flicker-5.mkv")]
    gains = [float(copy.mean() / pixels.mean()) for copy, (_, pixels) in zip(flickering, moving, strict=True)]
    assert gains[:3] + gains[10:] == [1.0] * 5
    assert np.ptp(gains[3:10]) > 0.1
    frozen = [pixels for _, pixels in frames_of(tmp_path / "out/a.mkv.frozen_frames-5.mkv")]
    kept = [bool(np.all(copy == pixels)) for copy, (_, pixels) in zip(frozen, moving, strict=True)]
    assert all(kept[:3] + kept[10:])
    assert not all(kept[3:10])
    assert all(any(np.all(copy == pixels) for _, pixels in moving) for copy in frozen)


def test_what_needs_several_frames_and_all_else_may_be_mixed(
    bank: dict[str, HeadSpec], clips: Path, tmp_path: Path
) -> None:
    finish(make_run(bank, clips, tmp_path / "out", "flicker,color_block", per_image=1, mixture=(2, 2), clips=PART))
    (row,) = manifest(tmp_path / "out")
    assert set(row["labels"].split("+")) == {"flicker", "color_block"}
    assert changed(tmp_path / "out" / row["file"]) == [3, 4, 5]


def test_a_picture_cannot_have_what_needs_several_frames(
    bank: dict[str, HeadSpec], photos: Path, tmp_path: Path
) -> None:
    outcomes = finish(make_run(bank, photos, tmp_path / "out", "flicker"))
    problems = [problem for outcome in outcomes for problem in outcome.problems]
    assert "cannot be used to distort pictures" in problems[0]
    assert manifest(tmp_path / "out") == []


def one_frame_less(
    frames: Iterator[NDArray[np.float32]], rate: float, severity: float, rng: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    next(frames)
    yield from frames


def one_frame_only(
    frames: Iterator[NDArray[np.float32]], rate: float, severity: float, rng: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    yield next(frames)


def one_frame_more(
    frames: Iterator[NDArray[np.float32]], rate: float, severity: float, rng: np.random.Generator
) -> Iterator[NDArray[np.float32]]:
    for frame in frames:
        yield frame
    yield frame


@pytest.mark.parametrize(
    ("made", "said"),
    [(one_frame_less, "fewer frames"), (one_frame_only, "fewer frames"), (one_frame_more, "more frames")],
)
def test_a_clip_synthesizer_must_make_as_many_frames(
    bank: dict[str, HeadSpec], clips: Path, tmp_path: Path, made: Any, said: str
) -> None:
    bad = replace(bank["flicker"], label="bad", synthesize_clip=made)
    outcomes = finish(make_run({"bad": bad}, clips, tmp_path / "out", "bad", clips=PART))
    assert all(said in problem for outcome in outcomes for problem in outcome.problems)
    assert manifest(tmp_path / "out") == []


def fails(image: NDArray[np.float32], severity: float, rng: np.random.Generator) -> NDArray[np.float32]:
    raise ZeroDivisionError("no")


def test_a_failing_plugin_spoils_its_clip_only(bank: dict[str, HeadSpec], clips: Path, tmp_path: Path) -> None:
    bad = replace(bank["jpeg"], label="bad", synthesize=fails)
    outcomes = finish(make_run({**bank, "bad": bad}, clips, tmp_path / "out", "bad,darken"))
    problems = [problem for outcome in outcomes for problem in outcome.problems]
    assert problems == [f"{clips / 'a.mkv'}: bad-{level}: ZeroDivisionError: no" for level in (1, 3, 5)]
    assert len(manifest(tmp_path / "out")) == 3


def test_the_command_makes_a_clip_at_a_bit_rate(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["synth", str(clips / "a.mkv"), str(tmp_path / "out"), "--distortions", "white_noise", "-n", "1"]
    options = ["--interval", "0.3s-0:00.6", "--codec", "h264", "--bit-rate", "300k", "--jobs", "1"]
    assert dheads([*arguments, *options]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out'}: 1 made\n"
    (row,) = manifest(tmp_path / "out")
    assert (row["interval"], row["codec"], row["bit_rate"]) == ("0.3-0.6", "h264", "300000")
    file = tmp_path / "out" / row["file"]
    assert file.suffix == ".mp4"
    roughness = [float(np.abs(np.diff(pixels.astype(float), axis=1)).mean()) for _, pixels in frames_of(file)]
    assert min(roughness[3:6]) > 1.2 * max(roughness[:3] + roughness[7:])


@pytest.mark.parametrize(
    "options",
    [["--interval", "0.3-0.6"], ["--codec", "h264", "--bit-rate", "300k"], ["--codec", "h264", "--crf", "20"]],
)
def test_options_of_videos_with_pictures_alone_are_wrong_usage(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert dheads(["synth", str(photos), str(tmp_path / "out"), *options]) == 2
    text = capsys.readouterr().err
    assert f"{', '.join(options[::2])}: for videos only" in text
    assert len(text.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_options_of_videos_are_for_the_videos_among_pictures(
    clips: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["--distortions", "darken", "--severities", "5", "--jobs", "1"]
    arguments = ["synth", str(clips), str(photos), str(tmp_path / "out"), *settings]
    assert dheads([*arguments, "--interval", "0.3-0.6"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'out'}: 3 made\n"
    assert err.splitlines() == [
        "dheads: note: --interval: for videos only, the pictures are made without",
        "dheads: 3 files to make from 3 inputs, about 1 MB",
    ]
    assert [row["interval"] for row in manifest(tmp_path / "out")] == ["0.3-0.6", "", ""]
    assert dheads(["synth", str(clips), str(tmp_path / "clips-only"), *settings, "--interval", "0.3-0.6"]) == 0
    assert capsys.readouterr().err == "dheads: 1 file to make from 1 input, about 1 MB\n"


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [("2s-5s", 2, 5), ("0-0.5", 0, 0.5), ("0:58-1:02.5", 58, 62.5), ("1:00:00-1:00:01", 3600, 3601)],
)
def test_intervals(text: str, start: float, end: float) -> None:
    assert parse_interval(text) == Interval(start=start, end=end)
