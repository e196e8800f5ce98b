"""Videos as training data: what is read, cached, kept together and counted."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distortion_heads.datasets import own_data as datasets
from distortion_heads.datasets.labelled_image import Amount, ClipFrames, LabelledImage, few_videos
from distortion_heads.datasets.own_data import check_counts, check_expected, distinct, read_csv, read_data, read_folder
from distortion_heads.datasets.record import Record
from distortion_heads.datasets.split_by_content import split_by_content
from distortion_heads.errors import DataError
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.io.unread import Unread
from distortion_heads.training.features.cache import FeatureCache, cache_key
from distortion_heads.training.features.compute import MAX_FRAME_WINDOWS, Failure, Features, ImageFeatures
from distortion_heads.training.features.extract import extract
from distortion_heads.training.features.labelled import usable
from distortion_heads.training.features.records import RecordFeatures
from helpers.little_clips import levels, write_clip
from helpers.little_pictures import save, scene

pytest.importorskip("sklearn")


class Brightness:
    """A backbone whose one feature is the brightness of the picture; counts the pictures that it sees."""

    class Ref:
        fingerprint, dim = "b" * 64, 1

    ref = Ref()

    def __init__(self, windows: int = 1) -> None:
        self.seen, self.windows = 0, windows

    def features(self, pixels: np.ndarray, view: str, *, most: int | None = None) -> np.ndarray:
        self.seen += 1
        return np.full((self.windows, 1), pixels.mean(), np.float32)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "steps.mkv", levels(20))


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "cache")


def run(image: LabelledImage, cache: FeatureCache, backbone: Any, **more: Any) -> Any:
    hashes = content_hashes([image.path])
    return extract([image], hashes, backbone, "native", cache, **more)[0]


def part(path: str | Path, label: bool = True, group: str | None = None, **clip: Any) -> LabelledImage:
    return LabelledImage(path=Path(path), label=label, group=group, clip=ClipFrames(**clip))


def test_folders_hold_videos_and_pictures(tmp_path: Path, video: Path) -> None:
    save(tmp_path / "fog" / "a.png", scene(1))
    for place in ("fog/deep/b.MKV", "clean/c.mp4"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(video, tmp_path / place)
    images = {image.path.name: image for image in read_folder(tmp_path, "fog", frames=7)}
    assert {name: image.clip for name, image in images.items()} == {
        "a.png": None,
        "b.MKV": ClipFrames(frames=7),
        "c.mp4": ClipFrames(frames=7),
    }
    assert images["c.mp4"].clean
    assert read_data(tmp_path, "fog")[1].clip == ClipFrames(frames=10)


def test_csv_with_parts_of_videos(tmp_path: Path, video: Path) -> None:
    shutil.copy(video, tmp_path / "v.mkv")
    shutil.copy(video, tmp_path / "odd.name")
    save(tmp_path / "a.png", scene(1))
    file = tmp_path / "list.csv"
    file.write_text(
        "path,label,start,end,group\nv.mkv,1,2s,1:02.5,g\nv.mkv,0,,1.5,\nv.mkv,0,1:00:00,,\nodd.name,1,0.5,,\n"
        "v.mkv,1,,,\na.png,0,,,\n"
    )
    assert [(image.label, image.group, image.clip) for image in read_csv(file, frames=4)] == [
        (True, "g", ClipFrames(frames=4, start=2.0, end=62.5)),
        (False, None, ClipFrames(frames=4, end=1.5)),
        (False, None, ClipFrames(frames=4, start=3600.0)),
        (True, None, ClipFrames(frames=4, start=0.5)),
        (True, None, ClipFrames(frames=4)),
        (False, None, None),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("v.mkv,1,soon,", "line 2: 'soon' is no time like 90"),
        ("v.mkv,1,5,2", "line 2: start must not be negative, and end must come after it"),
        ("v.mkv,1,-1,2", "line 2: '-1' is no time"),
        ("v.mkv,1,2,2", "line 2: .*end must come after"),
        (f"v.mkv,1,{'9' * 400},", "line 2: no video is that long"),
        ("a.png,1,1,2", r"line 2: a\.png is a picture: leave start and end empty"),
    ],
)
def test_times_that_are_none(tmp_path: Path, row: str, message: str) -> None:
    (tmp_path / "v.mkv").write_bytes(b"x")
    save(tmp_path / "a.png", scene(1))
    file = tmp_path / "list.csv"
    file.write_text(f"path,label,start,end\n{row}\n")
    with pytest.raises(DataError, match=message) as caught:
        read_csv(file)
    assert "\n" not in str(caught.value)


def test_frames_count_towards_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("fog/a.mp4", "clean/b.mp4"):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).write_bytes(b"x")
    monkeypatch.setattr(datasets, "MAX_FILES", 20)
    assert len(read_folder(tmp_path, "fog", frames=10)) == 2
    with pytest.raises(DataError, match="more than 20 pictures and frames; give a sample, or fewer --frames"):
        read_folder(tmp_path, "fog", frames=11)


def test_copies_of_a_video_are_one_and_its_parts_stay(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"the same")
    images = [
        part(tmp_path / "a.mp4", start=0.0, end=1.0),
        part(tmp_path / "b.mp4", start=0.0, end=1.0),
        part(tmp_path / "b.mp4", label=False, start=1.0, end=2.0),
    ]
    hashes = content_hashes([image.path for image in images])
    assert distinct(images, hashes) == (images[0], replace(images[2], path=tmp_path / "a.mp4"))
    with pytest.raises(DataError, match=r"a\.mp4 and .*b\.mp4 are the same video: 0 s to 1 s and 0\.9 s to"):
        distinct([images[0], part(tmp_path / "b.mp4", label=False, start=0.9)], hashes)
    with pytest.raises(DataError, match="overlap, one with and one without the label"):
        distinct([part(tmp_path / "a.mp4"), part(tmp_path / "a.mp4", label=False)], hashes)


def test_too_few_videos_say_how_many_are_needed() -> None:
    three = [part(f"{side}{i}.mp4", label=side == "p", frames=100) for side in "pn" for i in range(3)]
    with pytest.raises(DataError, match=r"3 different files with the distortion and 3 without are too few.*at least 4"):
        check_expected(three, Path("data"))
    four = [part(f"{side}{i}.mp4", label=side == "p", frames=4) for side in "pn" for i in range(4)]
    with pytest.raises(DataError, match=r"16 different positives and 16 negatives are too few; .*or raise --frames"):
        check_expected(four, Path("data"))
    check_expected([replace(image, clip=ClipFrames(frames=5)) for image in four], Path("data"))
    with pytest.raises(DataError, match=r"positives only"):
        check_counts([image for image in four if image.label], Path("data"))


def test_parts_of_one_video_count_as_one_file() -> None:
    parts = [part("one.mp4", label=i % 2 == 0, start=i, end=i + 1.0) for i in range(20)]
    with pytest.raises(DataError, match="1 different files with the distortion and 1 without"):
        check_expected(parts, Path("data"))


def test_features_of_a_video_are_those_of_its_frames_and_come_from_the_cache(video: Path, cache: FeatureCache) -> None:
    backbone = Brightness()
    image = part(video, frames=4)
    first = run(image, cache, backbone)
    assert isinstance(first, Features)
    assert [float(frame.windows[0, 0]) for frame in first.frames] == [20.0, 70.0, 120.0, 170.0]
    assert (first.problem, backbone.seen) == (None, 4)
    again = run(image, cache, backbone)
    assert [frame.windows.tobytes() for frame in again.frames] == [frame.windows.tobytes() for frame in first.frames]
    assert [frame.scene for frame in again.frames] == [frame.scene for frame in first.frames]
    assert backbone.seen == 4
    assert [float(f.windows[0, 0]) for f in run(part(video, frames=1), cache, backbone).frames] == [100.0]
    assert backbone.seen == 5


def test_sampling_decides_the_cached_features() -> None:
    clips = [
        ClipFrames(),
        ClipFrames(frames=9),
        ClipFrames(start=1.0),
        ClipFrames(end=1.0),
        ClipFrames(start=1.0, end=2.0),
        None,
    ]
    images = [LabelledImage(path=Path("a.mp4"), label=True, clip=clip) for clip in clips]
    assert len({cache_key(image, "c", "f", "native") for image in images}) == len(clips)


def test_windows_of_a_frame_are_limited(video: Path, cache: FeatureCache) -> None:
    assert len(run(part(video, frames=1), cache, Brightness(100)).frames[0].windows) == MAX_FRAME_WINDOWS


@pytest.mark.parametrize(("frames", "each"), [(1, 64), (4, 16), (10, 6), (100, 1)])
def test_windows_of_a_record_are_shared_out_among_its_frames(video: Path, frames: int, each: int) -> None:
    backbone: Any = Brightness(100)
    found = RecordFeatures(backbone=backbone, hashes={}, cache=None, frames=frames)
    (windows,) = found.of([Record(path=video, scene="")], "native")
    assert windows.shape == (min(frames, 20) * each, 1)


def test_limit_of_pixels_holds_for_what_is_cached(video: Path, cache: FeatureCache, tmp_path: Path) -> None:
    photo = LabelledImage(path=save(tmp_path / "a.png", scene(1, 96)), label=True)
    for image, side in ((photo, 96), (part(video), 64)):
        backbone = Brightness()
        assert not isinstance(run(image, cache, backbone), Failure)
        seen = backbone.seen
        refused = run(image, cache, backbone, max_pixels=side * side - 1)
        assert isinstance(refused, Failure)
        assert f"{side} x {side} = {side * side} pixels, above the limit of {side * side - 1}" in refused.reason
        assert not isinstance(run(image, cache, backbone, max_pixels=side * side), Failure)
        assert backbone.seen == seen


def test_damaged_video_is_used_as_far_as_it_goes_and_named_each_time(tmp_path: Path, cache: FeatureCache) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3)).astype(np.uint8)
    path = write_clip(tmp_path / "cut.mkv", list(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for _ in range(2):
        result = run(part(path), cache, Brightness())
        assert isinstance(result, Features)
        assert 3 <= len(result.frames) <= 6
        assert result.problem is not None


def features(*values: float) -> Features:
    return Features(frames=tuple(ImageFeatures(windows=np.full((1, 1), v, np.float16), scene=None) for v in values))


def clips(count: int = 5, label: bool = True) -> list[LabelledImage]:
    return [part(f"{'p' if label else 'n'}{i}.mp4", label=label) for i in range(count)]


def test_dataset_lists_a_video_for_each_frame() -> None:
    images = [*clips(), *clips(label=False)]
    hashes = {image.path: str(i) for i, image in enumerate(images)}
    results = [features(*range(4 + (i == 0))) for i in range(10)]
    data = usable(images, results, hashes, Path("data"))
    assert [image.path.name for image in data.images[:6]] == ["p0.mp4"] * 5 + ["p1.mp4"]
    assert data.amount(np.arange(len(data.images))) == Amount(pictures=0, frames=41, videos=10)
    assert data.amount(np.arange(9)) == Amount(pictures=0, frames=9, videos=2)
    other = [replace(image, clip=ClipFrames(start=1.0)) for image in images]
    assert usable(other, results, hashes, Path("data")).sha256 != data.sha256


def test_notes_on_damage_and_on_pictures_against_videos() -> None:
    pictures = [LabelledImage(path=Path(f"{i}.png"), label=False, clean=True) for i in range(20)]
    images = [*clips(), *pictures]
    hashes = {image.path: str(i) for i, image in enumerate(images)}
    still = [features(0)] * 20
    damaged = replace(features(*range(4)), problem="it ends at 1.00 s")
    data = usable(images, [damaged, *[features(*range(4))] * 4, *still], hashes, Path("data"))
    assert "1 videos are damaged and used as far as they go: p0.mp4: it ends at 1.00 s" in data.notes[0]
    assert "pictures are on one side and videos on the other" in data.notes[1]
    assert str(data.amount(np.arange(len(data.images)))) == "20 frames of 5 videos and 20 pictures"


def test_a_video_that_cannot_be_read_is_named_and_left_out_as_long_as_enough_are_left() -> None:
    images = [*clips(), *clips(label=False)]
    hashes = {image.path: str(i) for i, image in enumerate(images)}
    results = [Failure(reason="not a video"), *[features(*range(9))] * 9]
    data = usable(images, results, hashes, Path("data"), [Unread(Path("q.mp4"), "it is empty")])
    assert data.unread == (Unread(Path("q.mp4"), "it is empty"), Unread(Path("p0.mp4"), "not a video"))
    assert {image.path for image in data.images} == {image.path for image in images[1:]}
    told = r"are too few.*; 2 of 11 files cannot be used and are left out: p0\.mp4: not a video; also p1\.mp4$"
    with pytest.raises(DataError, match=told):
        usable(images, [results[0]] * 2 + results[2:], hashes | {Path("x"): "x"}, Path("data"))


@pytest.mark.parametrize("seed", range(4))
def test_frames_of_one_video_are_never_parted(seed: int) -> None:
    """Though its parts are of both classes, have groups of their own, and show scenes that do not look alike."""
    rng = np.random.default_rng(seed)
    images = [
        part(
            f"v{video}.mp4", label=index % 2 == 0, group=f"g{video}.{index}" if video % 2 else None, start=float(index)
        )
        for video in range(8)
        for index in range(4)
        for _ in range(3)
    ]
    scenes = [int(value) for value in rng.integers(0, 2**63, len(images))]
    split = split_by_content(images, scenes, seed)
    held = {images[i].path for i in split.hold}
    assert held
    assert held.isdisjoint(images[i].path for i in split.fit)


def test_few_videos_are_called_few() -> None:
    held = [image for label in (True, False) for image in clips(2, label) for _ in range(30)]
    text = few_videos(held)
    assert text is not None
    assert "60 frames of 2 videos with and 60 frames of 2 videos without" in text
    assert few_videos([image for label in (True, False) for image in clips(5, label)]) is None
    assert (
        few_videos([LabelledImage(path=Path("a.png"), label=True), LabelledImage(path=Path("b"), label=False)]) is None
    )
