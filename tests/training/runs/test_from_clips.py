"""Clips that are made for temporal heads, and heads that are fitted on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from helpers.little_pictures import save, scene

pytest.importorskip("sklearn")

from distortion_heads.datasets import made_clips as temporal_clips
from distortion_heads.datasets.made_clips import Material, coded, distorted, draw_coding, make_clip, split_footage
from distortion_heads.errors import DataError
from distortion_heads.heads.file import read_head
from distortion_heads.io.video.encode import Coding
from distortion_heads.spec import BackboneRef, HeadSpec, View
from distortion_heads.training.runs.from_clips import TemporalOptions, train_temporal, videos_in
from helpers.video_clips import write_clip

Image = NDArray[np.float32]


def stop(frames: Iterable[Image], rate: float, severity: float, rng: np.random.Generator) -> Iterator[Image]:
    held = None
    for frame in frames:
        held = frame if held is None else held
        yield held


def pulse(frames: Iterable[Image], rate: float, severity: float, rng: np.random.Generator) -> Iterator[Image]:
    for i, frame in enumerate(frames):
        yield np.clip(frame * (1 + 0.08 * severity * (-1) ** i), 0, 1).astype(np.float32)


def spec(label: str, synthesize_clip: object) -> HeadSpec:
    return HeadSpec(
        label=label, title="T", family="temporal", description="D.", view="temporal", synthesize_clip=synthesize_clip
    )


SPECS = [spec("stops", stop), spec("pulses", pulse)]


class Blocks:
    """A stand-in for a backbone: the colours of the 16 parts of a picture."""

    ref = BackboneRef(name="blocks", fingerprint="0" * 64, dim=48)

    def features(self, pixels: NDArray[np.uint8], view: View, *, most: int | None = None) -> NDArray[np.float32]:
        assert view == "overview"
        height, width = (side // 4 for side in pixels.shape[:2])
        parts = pixels[: 4 * height, : 4 * width].reshape(4, height, 4, width, 3).mean(axis=(1, 3))
        return (parts.reshape(1, 48) / 50).astype(np.float32)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for seed in range(16):
        save(tmp_path / "images" / f"scene{seed:02d}.png", scene(seed, 160))
    return tmp_path / "images"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal_clips, "SHORT_SIDE", (48, 64))


def material(images: Path) -> Material:
    return Material(pictures=tuple(sorted(images.iterdir())))


def test_clips_are_drawn_from_the_seed_alone(images: Path) -> None:
    kinds = set()
    for seed in range(12):
        first, again = (make_clip(material(images), SPECS, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(first.frames, again.frames)
        assert len(first.frames) == temporal_clips.FRAMES
        assert len({frame.shape for frame in first.frames}) == 1
        kinds.add(first.label)
    assert kinds == {None, "stops", "pulses"}


def test_only_the_interval_is_distorted() -> None:
    frames = [scene(i, 32) for i in range(temporal_clips.FRAMES)]
    for seed in range(6):
        clip = distorted(frames, 25.0, SPECS[0], np.random.default_rng(seed))
        for i, (made, frame) in enumerate(zip(clip.frames, frames, strict=True)):
            wanted = frames[clip.onset] if clip.onset <= i < clip.offset else frame
            np.testing.assert_array_equal(made, wanted)


def test_a_synthesizer_that_loses_frames_is_told() -> None:
    def half(frames: Iterable[Image], *_: object) -> Iterator[Image]:
        yield from list(frames)[::2]

    with pytest.raises(DataError, match="made"):
        distorted([scene(0, 32)] * 30, 25.0, spec("half", half), np.random.default_rng(0))


def test_footage_is_split_in_time_and_cut_within_its_part(images: Path, tmp_path: Path) -> None:
    frames = [np.full((48, 64, 3), i, np.uint8) for i in range(200)]
    (tmp_path / "footage").mkdir()
    write_clip(tmp_path / "footage" / "a.mkv", frames, codec="ffv1", pix_fmt="bgr0", rate=25)
    (fit,), (hold,) = split_footage(videos_in(tmp_path / "footage"))
    assert fit.end < hold.start
    for part in (fit, hold):
        both = Material(pictures=material(images).pictures, footage=(part,))
        seen = set()
        for seed in range(12):
            clip = make_clip(both, SPECS, np.random.default_rng(seed))
            if clip.label is None and clip.frames[0].std() == 0:
                seen |= {int(frame[0, 0, 0]) for frame in clip.frames}
        assert seen
        assert part.start * 25 - 1 <= min(seen) <= max(seen) < part.end * 25 + 1


def test_clips_come_back_from_every_codec(images: Path, tmp_path: Path) -> None:
    clip = make_clip(material(images), SPECS, np.random.default_rng(0))
    drawn = {draw_coding(np.random.default_rng(seed)).codec for seed in range(40)}
    assert drawn == {"ffv1", "h264", "mpeg4"}
    for coding in (Coding(codec="ffv1"), Coding(codec="mpeg4", bit_rate=500_000)):
        frames = list(coded(clip, coding, tmp_path / f"clip{coding.suffix}"))
        assert len(frames) == len(clip.frames)
        assert np.abs(np.mean(frames, axis=0) - np.mean(clip.frames, axis=0)).mean() < 6


def test_heads_are_fitted_and_written(images: Path, tmp_path: Path) -> None:
    said: list[tuple[str, int, int]] = []
    options = TemporalOptions(
        images=images,
        out=tmp_path / "out",
        fit_clips=20,
        hold_clips=10,
        licenses=("CC0",),
        head_license="CC-BY-4.0",
        report=lambda *stage: said.append(stage),
    )
    heads = train_temporal(options, SPECS, Blocks())
    assert [head.label for head in heads] == ["pulses", "stops"]
    assert ("clips, fit", 20, 20) in said
    for head in heads:
        read = read_head(tmp_path / "out" / "heads" / f"{head.label}.safetensors")
        assert (read.view, read.backbone, read.license) == ("temporal", Blocks.ref, "CC-BY-4.0")
        assert read.layers[0].weight.shape[1] == 96
        assert read.metrics.auroc is not None
        assert read.metrics.auroc > 0.8
        assert read.provenance.n_pos > 0
        assert read.provenance.image_licenses == ("CC0",)


def test_nothing_to_learn_and_no_videos_are_said(images: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to learn"):
        train_temporal(TemporalOptions(images=images, out=tmp_path / "out"), [], Blocks())
    with pytest.raises(DataError, match="no video"):
        videos_in(images)
