"""Heads that need successive frames, from a clip to its segments."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from distortion_heads import Predictor, VideoOptions, predict_video
from distortion_heads.backbones.cells import CellBackbone
from distortion_heads.heads.file import dump_head
from distortion_heads.heads.head import Calibration, Layer, Threshold
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.io.images import load_image
from distortion_heads.io.video.options import Sampling
from distortion_heads.registry.build import RegisteredHead, Registry, build_registry
from distortion_heads.registry.discovery import Owner
from distortion_heads.reports.videos import FrameCsv, video_to_dict
from distortion_heads.spec import HeadSpec, View
from distortion_heads.video.answers import FrameResult
from distortion_heads.video.predict import FrameEvent, predict_frames
from helpers.sample_heads import make_head
from helpers.video_clips import Picture, write_clip

RATE = 25
ME = Owner(distribution="mine", version="1", name="mine")


def moving(count: int) -> list[Picture]:
    """A texture that moves to the right by five pixels a frame."""
    scene = np.random.default_rng(4).integers(0, 256, (12, 40, 3)).astype(np.uint8)
    scene = np.kron(scene, np.ones((8, 8, 1), np.uint8))
    return [np.ascontiguousarray(scene[:, 5 * i % 150 :][:, :128]) for i in range(count)]


def frozen_between(onset: int, offset: int, count: int) -> list[Picture]:
    frames = moving(count)
    return [frames[onset] if onset <= i < offset else frame for i, frame in enumerate(frames)]


@pytest.fixture
def registry(tmp_path: Path, backbone: CellBackbone) -> Registry:
    """`stands`, temporal: high where most of the frame's features stand still; `white_noise`, of random weights."""
    ref = backbone.ref
    weight = np.zeros((1, 2 * ref.dim), np.float32)
    weight[0, : ref.dim] = -20 / ref.dim
    stands = make_head(
        "stands",
        backbone=ref,
        view="temporal",
        outputs=("presence",),
        layers=(Layer(weight=weight, bias=np.array([-12], np.float32), activation="identity"),),
        calibration=Calibration(),
        threshold=Threshold(value=0.5),
    )
    overview = make_head("haze", backbone=ref, dim=ref.dim, view="overview")
    heads = {}
    for head in (stands, overview):
        path = tmp_path / f"{head.label}.safetensors"
        path.write_bytes(dump_head(head, "float32"))
        view: View = head.view
        spec = HeadSpec(label=head.label, title="T", family="f", description="D.", weights=path, view=view)
        heads[head.label] = RegisteredHead(spec=spec, owner=ME)
    return Registry(MappingProxyType(heads), MappingProxyType({}), (), ())


@pytest.fixture
def predictor(registry: Registry) -> Predictor:
    return Predictor(registry=registry, threads=1)


def test_a_freeze_is_a_segment_of_the_temporal_head(tmp_path: Path, predictor: Predictor) -> None:
    """Coded by MPEG-4 with a key frame now and then, as cameras do."""
    clip = write_clip(tmp_path / "clip.mp4", frozen_between(30, 65, 95), rate=RATE, gop=12)
    steps: list[FrameEvent] = []
    found = predict_video(predictor, clip, on_step=steps.append)
    assert [head.label for head in found.heads] == ["haze", "stands"]
    (segment,) = found.heads[1].segments
    assert segment.onset == pytest.approx(30 / RATE, abs=0.25)
    assert segment.offset == pytest.approx(65 / RATE, abs=0.25)
    assert segment.severity is None
    frames = [step.result for step in steps if step.is_frame]
    assert [frame.index for frame in frames] == list(range(95))
    assert all(frame.features is None for frame in frames)
    assert found.curves.values.shape[0] == 2


def test_the_other_heads_answer_bit_for_bit_as_without_it(
    tmp_path: Path, registry: Registry, predictor: Predictor
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", moving(5), rate=RATE)
    alone = Predictor(["haze"], registry=registry, threads=1)
    with_it, without = (list(predict_frames(p, clip)) for p in (predictor, alone))
    assert len(with_it) == len(without) == 5
    for a, b in zip(with_it, without, strict=True):
        assert a.prediction.heads[:1] == b.prediction.heads
        assert [head.label for head in a.prediction.heads] == ["haze", "stands"]


def test_a_picture_is_not_judged_by_it(predictor: Predictor) -> None:
    assert [head.label for head in predictor.heads] == ["haze"]
    assert [head.label for head in predictor.video_heads] == ["haze", "stands"]
    assert [head.label for head in predictor.predict(moving(1)[0]).heads] == ["haze"]


def test_it_answers_without_any_other_head(tmp_path: Path, registry: Registry) -> None:
    clip = write_clip(tmp_path / "clip.mp4", moving(4), rate=RATE)
    found = predict_video(Predictor(["stands"], registry=registry, threads=1), clip)
    assert [head.label for head in found.heads] == ["stands"]
    assert found.frames == 4


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_frames_show_nothing(tmp_path: Path, predictor: Predictor, count: int) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [moving(1)[0]] * count, rate=RATE)
    head = predict_video(predictor, clip).heads[1]
    assert (head.label, head.probability, head.present) == ("stands", 0.0, False)


def test_sparse_frames_are_compared_with_their_neighbours(tmp_path: Path, predictor: Predictor) -> None:
    """With --every the neighbours are seconds away; what stands still still does, and what moves moves."""
    options = VideoOptions(sampling=Sampling(every=20))
    for frames, stands in ((moving(120), False), ([moving(1)[0]] * 120, True)):
        clip = write_clip(tmp_path / "clip.mp4", frames, rate=RATE)
        found = predict_video(predictor, clip, options)
        assert found.frames == 6
        assert found.heads[1].present is stands


def test_a_picture_among_videos_has_empty_cells_for_it(predictor: Predictor) -> None:
    picture = predictor.predict(moving(1)[0])
    frame = replace(picture, heads=(*picture.heads, *predictor.judge_run(np.ones((1, 8), np.float32))))
    stream = io.StringIO(newline="")
    report = FrameCsv(stream, [head.label for head in predictor.video_heads])
    report.write(picture)
    report.write_frame("clip.mp4", FrameResult(index=0, time=0.0, prediction=frame))
    of_picture, of_frame = csv.DictReader(stream.getvalue().splitlines())
    assert (of_picture["stands"], of_picture["stands_present"]) == ("", "")
    assert float(of_picture["haze"]) == pytest.approx(picture.heads[0].probability, abs=1e-6)
    assert (of_frame["stands"], of_frame["stands_present"]) == ("0.0", "false")


@pytest.mark.parametrize("label", ["frozen_frames", "flicker"])
def test_the_bundled_heads_tell_a_distorted_clip_from_a_clean_one(
    tmp_path: Path, examples_folder: Path, label: str
) -> None:
    spec = build_registry(no_plugins=True).head(label).spec
    if spec.weights is None:
        pytest.skip("it has no weights yet")
    assert spec.synthesize_clip is not None
    scene = load_image(examples_folder / "kitten_clean.jpg")
    clean = [np.ascontiguousarray(scene[2 * i : 2 * i + 128, 3 * i : 3 * i + 160]) for i in range(36)]
    made = spec.synthesize_clip(map(to_float, clean), RATE, 5.0, np.random.default_rng(2))
    clips = {"clean": clean, "distorted": [to_uint8(frame) for frame in made]}
    predictor = Predictor([label], threads=1)
    found = {
        name: predict_video(predictor, write_clip(tmp_path / f"{name}.mp4", frames, rate=RATE)).heads[0].probability
        for name, frames in clips.items()
    }
    assert found["distorted"] > found["clean"] + 0.2


@pytest.mark.parametrize("hold", [2, 3])
def test_a_freeze_in_animation_is_found_and_its_usual_holds_are_not(
    tmp_path: Path, examples_folder: Path, hold: int
) -> None:
    """At 24 frames a second, on twos or threes, with a freeze of two seconds."""
    scene = load_image(examples_folder / "skyline_clean.jpg")
    drawn = [(min(i, 36) if i < 84 else i - 48) // hold * hold for i in range(132)]
    frames = [np.ascontiguousarray(scene[40:160, 3 * i : 3 * i + 160]) for i in drawn]
    clip = write_clip(tmp_path / "clip.mp4", frames, codec="libx264", rate=24, gop=200)
    found = predict_video(Predictor(["frozen_frames"], threads=1), clip)
    (segment,) = found.heads[0].segments
    assert (segment.onset, segment.offset) == (pytest.approx(1.5, abs=0.3), pytest.approx(3.5, abs=0.3))
    assert any(f"about {24 // hold} different pictures per second" in note for note in found.notes)


def test_frames_of_one_colour_get_no_names(tmp_path: Path, predictor: Predictor) -> None:
    """As a black lead, or a level that rises: nothing stands still there, and nothing is distorted."""
    black = [np.full((96, 128, 3), 16 + i, np.uint8) for i in range(30)]
    found = predict_video(predictor, write_clip(tmp_path / "lead.mkv", [*black, *moving(20)], codec="ffv1", rate=RATE))
    assert "30 of 50 frames were not judged: too little to judge: one colour" in found.notes
    assert not found.heads[1].segments
    assert (found.reason, found.windows) == (None, 1)
    none = predict_video(predictor, write_clip(tmp_path / "black.mkv", black, codec="ffv1", rate=RATE))
    assert video_to_dict(none)["reason"] == none.summary.reason == "too little to judge: one colour"
    assert none.windows == 0  # what a picture of one colour has: the backbone is not run for it
    assert not found.curves.values[:, : round(29 / 50 * found.curves.values.shape[1])].any()
