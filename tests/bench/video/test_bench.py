"""`dheads bench video`: figures of known answers, and whole runs on a tiny clip with heads of random weights."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dheads_cli.main import run as dheads
from distortion_heads.bench.shared.cache import Cache
from distortion_heads.bench.shared.workers import Job
from distortion_heads.bench.video import measure
from distortion_heads.bench.video.bench import VideoBenchOptions, bench_video
from distortion_heads.bench.video.cases import Case, CasePlan, Part, draw_cases, find_parts, parse_codings
from distortion_heads.bench.video.figures import HeadFigures, compute_figures
from distortion_heads.bench.video.measure import Judged, measure_one
from distortion_heads.errors import DataError, DheadsError, UnknownHeadError
from distortion_heads.heads.head import HeadFile, Threshold
from distortion_heads.io.video.encode import Coding, encode_video
from distortion_heads.synthesis.clips import Interval
from helpers.contracts import assert_valid
from helpers.sample_heads import make_head
from helpers.tiny_registry import TinyRegistry, write_heads

STILL = ("white_noise", "darken")
LABELS = (*STILL, "flicker")
RATE = 5.0
CODINGS = (Coding(), Coding(codec="h264", bit_rate=100_000))


@pytest.fixture
def registry(tmp_path: Path) -> TinyRegistry:
    return write_heads(tmp_path / "weights", {label: "overview" if label in STILL else "temporal" for label in LABELS})


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder with one clip of 5 s and 64 x 48 pixels, and a picture, which is not measured."""
    folder = tmp_path / "clips"
    folder.mkdir()
    scene = np.random.default_rng(0).integers(60, 200, (6, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    encode_video([(i / RATE, np.roll(scene, i, axis=1)) for i in range(25)], folder / "a.mkv", Coding(), RATE)
    Image.fromarray(scene).save(folder / "b.png")
    return folder


def options(clips: Path, out: Path, **changes: object) -> VideoBenchOptions:
    return VideoBenchOptions(clips=clips, out=out, plan=CasePlan(codings=CODINGS, parts=1, seconds=4.5), **changes)  # type: ignore[arg-type]


def heads() -> list[HeadFile]:
    return [make_head(label, threshold=Threshold(value=0.5)) for label in STILL]


def judged(probability: list[tuple[float, float]], inside: range, segments: list[tuple[float, float]]) -> Judged:
    """Frames at 0, 0.2 ... s."""
    times = np.arange(len(probability)) / RATE
    return Judged(
        times=times,
        inside=np.isin(np.arange(len(times)), inside),
        probability=np.array(probability, np.float32),
        segments=np.array(segments, float).reshape(-1, 2),
        bit_rate=np.array([1000.0]),
    )


def case(label: str) -> Case:
    part = Part(clip=Path("a.mkv"), name="a.mkv", start=0, seconds=4, rate=RATE)
    return Case(part=part, label=label, severity=3, interval=Interval(start=0.5, end=1), seed=0)


def figures(*cases: tuple[str, Judged]) -> tuple[HeadFigures, ...]:
    measured = {replace(case(label), seed=i): (one,) for i, (label, one) in enumerate(cases)}
    (coding,) = compute_figures(measured, heads(), [Coding()])
    return coding.heads


def test_figures_of_frames() -> None:
    noise = judged([(0.1, 0), (0.9, 0), (0.9, 0.6), (0.2, 0), (0.9, 0), (0.1, 0)], range(1, 4), [])
    dark = judged([(0.1, 0), (0.7, 0.9), (0.2, 0.9), (0.2, 0.9), (0.1, 0), (0.1, 0.8)], range(1, 4), [])
    first, second = figures(("white_noise", noise), ("darken", dark))
    assert (first.frames, first.recall) == (3, pytest.approx(2 / 3))
    # Two of three found, one alarm outside; against the other distortion, one alarm too.
    assert first.f1_outside == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert first.f1_others == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert first.alarms_clean == pytest.approx(1 / 6)
    assert first.alarms_others == pytest.approx(1 / 3)
    assert first.auroc_outside == pytest.approx((3 + 3 + 2 - 0.5 - 0.5) / 9)  # 0.2 is above two, 0.9 ties with one
    assert second.f1_outside == pytest.approx(2 * 3 / (2 * 3 + 1))
    assert second.alarms_clean == pytest.approx(1 / 6)


def test_recall_by_severity() -> None:
    strong, weak = (replace(case("darken"), severity=level) for level in (5, 2))
    answers = [judged([(0, 0), (0, p), (0, 0.9), (0, 0.9)], range(1, 3), []) for p in (0.9, 0.1)]
    measured = {strong: (answers[0],), weak: (answers[1],)}
    (coding,) = compute_figures(measured, heads(), [Coding()])
    assert coding.recall == {"2": 0.5, "5": 1.0}
    assert coding.fires[1] == (0.0, 0.75)
    assert np.isnan(coding.fires[0]).all()  # no clip with white noise


def test_other_distortions_count_as_many_frames_as_the_own() -> None:
    own = judged([(0.0, 0), (0.9, 0), (0.9, 0)], range(1, 3), [])
    other = judged([(0.0, 0), (0.9, 0), (0.1, 0)], range(1, 3), [])
    one, *_ = figures(("white_noise", own), ("darken", other))
    many, *_ = figures(("white_noise", own), *[("darken", other)] * 5)
    assert one.f1_others == many.f1_others == pytest.approx(2 * 2 / (2 * 2 + 1))


@pytest.mark.parametrize(
    ("segments", "found", "onset", "offset", "extra"),
    [
        ([(1.0, 2.0)], 1, (0,), (0,), 0),
        ([(0.6, 2.2)], 1, (-2,), (1,), 0),
        ([(1.401, 1.799)], 1, (2,), (-1,), 0),  # times are rounded in files
        ([(0.0, 0.6), (1.2, 2.0)], 1, (1,), (0,), 1),
        ([(0.8, 1.2), (1.4, 2.0)], 1, (2,), (0,), 0),  # the one that overlaps most
        ([(2.0, 2.8)], 0, (), (), 1),  # begins where the interval ends
        ([], 0, (), (), 0),
    ],
)
def test_errors_of_edges_in_frames(
    segments: list[tuple[float, float]], found: int, onset: tuple[int, ...], offset: tuple[int, ...], extra: int
) -> None:
    one = judged([(0.0, 0.0)] * 15, range(5, 10), segments)
    first, second = figures(("white_noise", one), ("darken", one))
    assert (first.events, first.found, first.extra) == (1, found, extra)
    assert (first.onset, first.offset) == (onset, offset)
    assert second.onset == onset


def test_intervals_lie_inside_of_the_part_and_between_frames() -> None:
    parts = [Part(clip=Path(f"{i}.mp4"), name=f"{i}.mp4", start=1.5, seconds=5, rate=29.97) for i in range(4)]
    cases = draw_cases(parts, ["jpeg", "smoke", "darken", "haze"], CasePlan())
    assert cases == draw_cases(parts, ["jpeg", "smoke", "darken", "haze"], CasePlan())
    assert cases != draw_cases(parts, ["jpeg", "smoke", "darken", "haze"], CasePlan(seed=1))
    for each in cases:
        assert 1 < each.interval.start < each.interval.end < 4.1
        assert (each.interval.start * 29.97) % 1 == pytest.approx(0.5)
        assert each.interval.end - each.interval.start > 1.6
    for label in ("jpeg", "haze"):  # every head meets every severity, and so does every clip
        assert sorted(each.severity for each in cases if each.label == label) == [2, 3, 4, 5]
    assert sorted(each.severity for each in cases if each.part is parts[0]) == [2, 3, 4, 5]


def test_parts_are_spread_over_the_clips(clips: Path) -> None:
    parts, problems = find_parts(clips, CasePlan(parts=2, seconds=4), None)
    assert [part.start for part in parts] == [0.5]  # two of them would overlap
    (clips / "a.mkv").rename(clips / "c.mkv")
    scene = np.zeros((16, 16, 3), np.uint8)
    encode_video([(i / RATE, scene) for i in range(round(9 * RATE))], clips / "a.mkv", Coding(), RATE)
    both, _ = find_parts(clips, CasePlan(parts=2, seconds=4), None)
    assert [(part.clip.name, part.start) for part in both] == [("a.mkv", 1.25), ("c.mkv", 0.5), ("a.mkv", 3.75)]
    assert find_parts(clips, CasePlan(parts=2, seconds=4), 1)[0] == both[:1]
    (clips / "a.mkv").unlink()
    (clips / "c.mkv").rename(clips / "a.mkv")
    assert problems == ()
    (clips / "broken.mp4").write_bytes(b"no video")
    parts, problems = find_parts(clips, CasePlan(parts=1, seconds=4), None)
    assert len(parts) == 1
    assert "broken.mp4" in problems[0]
    with pytest.raises(DataError, match=r"a\.mkv: lasts less than 9 s"):
        find_parts(clips, CasePlan(seconds=9), None)
    with pytest.raises(DataError, match="at least 4 seconds"):
        CasePlan(seconds=1)


def test_codings_are_a_list_after_the_lossless_one() -> None:
    assert parse_codings("h264:400k, mpeg4:1M") == (
        Coding(),
        Coding(codec="h264", bit_rate=400_000),
        Coding(codec="mpeg4", bit_rate=1_000_000),
    )
    for wrong in ("h264", "ffv1:1M", "av1:1M", "", "h264:", "h264:x"):
        with pytest.raises(DheadsError):
            parse_codings(wrong)


def test_a_run_writes_a_report_and_goes_on_where_it_stopped(
    registry: TinyRegistry, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    report = bench_video(
        options(clips, tmp_path / "out"), make_registry=registry, progress=lambda *done: seen.append(done)
    )
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert report.labels == LABELS
    assert [coding.coding for coding in report.codings] == ["lossless", "h264 100k"]
    assert all(head.events == 1 and head.frames >= 7 for coding in report.codings for head in coding.heads)
    assert report.codings[1].bit_rate < report.codings[0].bit_rate
    text = (tmp_path / "out/report.md").read_text()
    assert "| white_noise |" in text
    assert "a.mkv (5 frames/s, 1 part)" in text
    content = json.loads((tmp_path / "out/report.json").read_text())
    assert_valid("bench", content)
    assert content["codings"][0]["heads"][1]["label"] == "darken"
    for name in ("f1.png", "edges.png", "fires.png"):
        with Image.open(tmp_path / "out" / name) as plot:
            assert min(plot.size) > 200

    first, second, _ = sorted((tmp_path / "out/cache").iterdir())
    second.unlink()
    before = first.stat().st_mtime_ns
    made: list[Case] = []
    original = measure.measure_case

    def counted(case: Case, *rest: object) -> object:
        made.append(case)
        return original(case, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(measure, "measure_case", counted)
    assert bench_video(options(clips, tmp_path / "out"), make_registry=registry).labels == LABELS
    assert (len(made), first.stat().st_mtime_ns) == (1, before)
    assert json.loads((tmp_path / "out/report.json").read_text())["codings"][0] == content["codings"][0]
    bench_video(options(clips, tmp_path / "out", heads=("darken",)), make_registry=registry)  # other heads: anew
    assert len(made) == 2


def test_clips_of_one_name_are_told_apart(registry: TinyRegistry, clips: Path, tmp_path: Path) -> None:
    (clips / "deep").mkdir()
    shutil.copy(clips / "a.mkv", clips / "deep/a.mkv")
    bright = np.full((48, 64, 3), 220, np.uint8)
    encode_video([(i / RATE, bright) for i in range(25)], clips / "a.mkv", Coding(), RATE)
    parts, _ = find_parts(clips, options(clips, tmp_path).plan, None)
    assert [part.name for part in parts] == ["a.mkv", "deep/a.mkv"]
    first, second = draw_cases(parts, ["darken"], options(clips, tmp_path).plan)
    assert first.interval != second.interval

    job = Job(make_registry=registry, labels=("darken",), cache=Cache(folder=tmp_path / "cache", key=""))
    own = [measure_one(each, job, CODINGS[:1]) for each in (first, second)]
    shutil.copy(clips / "deep/a.mkv", clips / "a.mkv")
    changed = measure_one(first, job, CODINGS[:1])
    for one, other in ((own[0], own[1]), (own[0], changed)):
        assert np.any(one[0].probability != other[0].probability)
    assert len(list((tmp_path / "cache").iterdir())) == 3
    report = bench_video(options(clips, tmp_path / "out", heads=("darken",)), make_registry=registry)
    assert report.setting.clips == {"a.mkv": 1, "deep/a.mkv": 1}


def test_a_clip_without_a_frame_in_the_interval_is_left_out(
    registry: TinyRegistry, clips: Path, tmp_path: Path
) -> None:
    """A slide show: one picture is shown from the first second to the last one."""
    scene = np.full((48, 64, 3), 120, np.uint8)
    times = [0, 0.2, 0.4, 0.6, 4.4, 4.6, 4.8]
    encode_video([(time, scene) for time in times], clips / "slides.mkv", Coding(), RATE)
    report = bench_video(options(clips, tmp_path / "out", heads=("darken", "flicker")), make_registry=registry)
    assert len(report.setting.left_out) == 2
    for sentence, label in zip(report.setting.left_out, ("darken", "flicker"), strict=True):
        assert re.match(rf"slides\.mkv from 0\.\d s, {label}: it needs frames inside and outside of the", sentence)
        assert f"- {sentence}\n" in (tmp_path / "out/report.md").read_text()
    assert all(head.events == 1 for coding in report.codings for head in coding.heads)  # of the other clip


def test_what_cannot_be_measured(registry: TinyRegistry, clips: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownHeadError, match="haze"):
        bench_video(options(clips, tmp_path / "out", heads=("haze",)), make_registry=registry)
    with pytest.raises(DataError, match="no generator"):
        bench_video(options(clips, tmp_path / "out"), make_registry=replace(registry, mute="darken"))
    (clips / "a.mkv").unlink()
    with pytest.raises(DataError, match="no video in"):
        bench_video(options(clips, tmp_path / "out"), make_registry=registry)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--codecs", "h264"], "h264:1M"),
        (["--seconds", "1"], "at least 4 seconds"),
        (["--heads", "haze"], "haze"),
        (["--heads", ","], "names no head"),
    ],
)
def test_wrong_usage(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    arguments = ["bench", "video", "--clips", str(clips), "--out", str(tmp_path / "out")]
    assert dheads([*arguments, *given]) != 0
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
