"""Features come back from the cache as they were first made; a picture that cannot be used stops no other."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distortion_heads.datasets.labelled_image import Distorted, LabelledImage
from distortion_heads.datasets.record import Record
from distortion_heads.errors import DataError
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.io.image_hashes import difference_hash
from distortion_heads.spec import BackboneRef, View, width_of
from distortion_heads.synthesis.distort import Step
from distortion_heads.training.features.cache import FeatureCache, cache_key
from distortion_heads.training.features.compute import MAX_WINDOWS, Failure, Features, ImageFeatures
from distortion_heads.training.features.extract import extract
from distortion_heads.training.features.records import RecordFeatures
from distortion_heads.views.windows import WINDOW, native_windows, whole
from helpers.little_pictures import GRAIN, noisy, save, scene, spec

REF = BackboneRef(name="means", fingerprint="f" * 64, dim=4)


class Means:
    """A backbone whose features are the mean colour of a window and its spread; counts the pictures that it sees."""

    ref = REF
    shares_overview = False

    def __init__(self) -> None:
        self.seen = 0

    def features(self, pixels: np.ndarray, view: View, *, most: int | None = None) -> np.ndarray:
        self.seen += 1
        rows, columns = (-(-max(WINDOW, side) // 32) for side in pixels.shape[:2])
        windows = native_windows(rows, columns) if view == "native" else whole(rows, columns)
        parts = [pixels[w.top * 32 : w.bottom * 32, w.left * 32 : w.right * 32] for w in windows]
        return np.array([[*part.mean((0, 1)) / 255, part.std() / 7] for part in parts], np.float32)


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "cache")


@pytest.fixture
def photos(tmp_path: Path) -> list[LabelledImage]:
    """Four scenes, the last two with grain that is made here."""
    paths = [save(tmp_path / "photos" / f"{i}.png", scene(i)) for i in range(4)]
    recipe = Distorted(step=Step(spec=GRAIN, severity=3.0), seed=1)
    return [LabelledImage(path=path, label=i > 1, recipe=recipe if i > 1 else None) for i, path in enumerate(paths)]


def run(images: Sequence[LabelledImage], cache: FeatureCache, backbone: Any, **more: Any) -> list[Any]:
    """The features of each picture, or its `Failure`."""
    hashes = more.pop("hashes", None) or content_hashes([image.path for image in images])
    results = extract(images, hashes, backbone, more.pop("view", "native"), cache, **more)
    return [result.frames[0] if isinstance(result, Features) else result for result in results]


def same(a: Sequence[Any], b: Sequence[Any]) -> bool:
    return len(a) == len(b) and all(
        isinstance(x, ImageFeatures)
        and isinstance(y, ImageFeatures)
        and x.scene == y.scene
        and x.windows.dtype == y.windows.dtype
        and x.windows.tobytes() == y.windows.tobytes()
        for x, y in zip(a, b, strict=True)
    )


def test_features_are_those_of_the_pictures_in_their_order(photos: list[LabelledImage], cache: FeatureCache) -> None:
    results = run(photos, cache, Means())
    for seed, result in enumerate(results):
        assert result.windows.shape == (1, 4)
        assert result.windows.dtype == np.float16
        assert np.allclose(result.windows[0, :3], scene(seed).mean((0, 1)) / 255, atol=0.05)
    plain, grainy = run([photos[2], replace(photos[2], recipe=None)], cache, Means())
    assert plain.windows[0, 3] > grainy.windows[0, 3] + 0.1


def test_scene_is_the_hash_of_the_undistorted_file(photos: list[LabelledImage], cache: FeatureCache) -> None:
    black = spec("black", synthesize=lambda image, severity, rng: np.zeros_like(image))
    recipe = Distorted(step=Step(spec=black, severity=5.0), seed=0)
    results = run([photos[0], replace(photos[0], recipe=recipe)], cache, Means())
    assert [result.scene for result in results] == [difference_hash(scene(0))] * 2


def test_second_run_decodes_nothing_and_gives_the_same_bits(photos: list[LabelledImage], cache: FeatureCache) -> None:
    hashes = content_hashes([image.path for image in photos])
    backbone = Means()
    first = run(photos, cache, backbone, hashes=hashes)
    assert backbone.seen == 4
    shutil.rmtree(photos[0].path.parent)
    assert same(run(photos, cache, backbone, hashes=hashes), first)
    assert backbone.seen == 4


def test_cache_goes_by_content_not_by_name(photos: list[LabelledImage], cache: FeatureCache) -> None:
    backbone = Means()
    first = run(photos[:1], cache, backbone)
    moved = replace(photos[0], path=photos[0].path.rename(photos[0].path.with_name("renamed.png")))
    assert same(run([moved], cache, backbone), first)
    assert backbone.seen == 1
    save(moved.path, noisy(scene(0), 0))
    assert not same(run([moved], cache, backbone), first)
    assert backbone.seen == 2


def test_everything_that_decides_the_features_is_in_the_key(photos: list[LabelledImage]) -> None:
    made = photos[2]
    assert made.recipe is not None
    assert made.recipe.step is not None
    weaker = replace(made.recipe, step=replace(made.recipe.step, severity=2.5))
    variants = [
        (photos[0], "a", "f", "native"),
        (photos[0], "b", "f", "native"),
        (photos[0], "a", "g", "native"),
        (photos[0], "a", "f", "overview"),
        (made, "a", "f", "native"),
        (replace(made, recipe=weaker), "a", "f", "native"),
        (replace(made, recipe=replace(made.recipe, seed=2)), "a", "f", "native"),
        (replace(made, recipe=replace(made.recipe, version="2")), "a", "f", "native"),
        (replace(made, recipe=replace(made.recipe, step=None)), "a", "f", "native"),
    ]
    assert len({cache_key(*variant) for variant in variants}) == len(variants)  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", ["empty", "short", "cut", "bit", "garbage", "longer", "another's"])
def test_damaged_cache_file_is_made_again(photos: list[LabelledImage], cache: FeatureCache, damage: str) -> None:
    backbone = Means()
    first = run(photos[:2], cache, backbone)
    hashes = content_hashes([image.path for image in photos])
    file, other = (cache.path(cache_key(image, hashes[image.path], REF.fingerprint, "native")) for image in photos[:2])
    whole = file.read_bytes()
    broken = {
        "empty": b"",
        "short": whole[:20],
        "cut": whole[:-1],
        "bit": bytes([*whole[:12], whole[12] ^ 1, *whole[13:]]),
        "garbage": b"x" * len(whole),
        "longer": whole + b"\0",
        "another's": other.read_bytes(),
    }
    file.write_bytes(broken[damage])
    assert same(run(photos[:2], cache, backbone), first)
    assert backbone.seen == 3
    assert file.read_bytes() == whole


def test_cache_of_another_feature_length_is_not_taken(cache: FeatureCache) -> None:
    image = ImageFeatures(windows=np.ones((2, 3), np.float16), scene=None)
    cache.write("ab" * 32, Features(frames=(image,)))
    found = cache.read("ab" * 32, 3)
    assert found is not None
    assert same(found.frames, [image])
    assert cache.read("ab" * 32, 4) is None


def test_cache_that_cannot_be_written_only_costs_time(photos: list[LabelledImage], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    backbone = Means()
    cache = FeatureCache(tmp_path / "file" / "cache")
    assert same(run(photos, cache, backbone), run(photos, cache, backbone))
    assert backbone.seen == 8


def test_records_and_examples_share_the_cache(photos: list[LabelledImage], cache: FeatureCache) -> None:
    backbone = Means()
    hashes = content_hashes([image.path for image in photos])
    first = run(photos[:2], cache, backbone, hashes=hashes)
    features = RecordFeatures(backbone=backbone, hashes=hashes, cache=cache)  # type: ignore[arg-type]
    records = [Record(path=image.path, scene="") for image in photos[:2]]
    assert [windows.tobytes() for windows in features.of(records, "native")] == [x.windows.tobytes() for x in first]
    assert backbone.seen == 2
    photos[1].path.write_text("no picture")
    without = replace(features, hashes={})
    with pytest.raises(DataError, match=r"1 of 2 pictures cannot be used: .*1\.png: not an image"):
        without.of(records, "native")
    assert len(without.of(records[:1], "native")) == 1
    assert backbone.seen == 4


def test_cache_leaves_no_temporary_files(photos: list[LabelledImage], cache: FeatureCache) -> None:
    run(photos, cache, Means())
    files = [path for path in cache.folder.rglob("*") if path.is_file()]
    assert len(files) == 4
    assert not [path for path in files if path.name.startswith(".")]


def test_views_differ(tmp_path: Path, cache: FeatureCache) -> None:
    photo = LabelledImage(path=save(tmp_path / "a.png", scene(1, 400)), label=False)
    assert len(run([photo], cache, Means())[0].windows) == 9
    assert len(run([photo], cache, Means(), view="overview")[0].windows) == 1


def test_light_is_kept_and_found_again(tmp_path: Path, cache: FeatureCache) -> None:
    photo = LabelledImage(path=save(tmp_path / "a.png", scene(1, 400)), label=False)
    backbone = Means()
    first = run([photo], cache, backbone, view="light")
    assert first[0].windows.shape == (1, width_of("light", REF.dim))
    assert same(first, run([photo], cache, backbone, view="light"))
    assert backbone.seen == 1


def test_large_picture_gives_windows_from_all_over_it(tmp_path: Path, cache: FeatureCache) -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 2048).astype(np.uint8)[:, None, None], (2048, 1024, 3))
    photo = LabelledImage(path=save(tmp_path / "a.png", np.ascontiguousarray(ramp)), label=False)
    windows = run([photo], cache, Means())[0].windows
    assert len(windows) == MAX_WINDOWS
    assert windows[0, 0] < 0.1
    assert windows[-1, 0] > 0.9


def test_values_beyond_float16_stay_finite(tmp_path: Path, cache: FeatureCache) -> None:
    class Huge(Means):
        def features(self, pixels: np.ndarray, view: View, *, most: int | None = None) -> np.ndarray:
            return super().features(pixels, view) * np.float32(1e9)

    photo = LabelledImage(path=save(tmp_path / "a.png", scene(1)), label=False)
    assert np.isfinite(run([photo], cache, Huge())[0].windows).all()


def test_picture_that_cannot_be_used_stops_no_other(photos: list[LabelledImage], cache: FeatureCache) -> None:
    photos[1].path.write_text("no picture")
    results = run(photos, cache, Means())
    assert isinstance(results[1], Failure)
    assert "not an image" in results[1].reason
    assert all(isinstance(results[i], ImageFeatures) for i in (0, 2, 3))


def raises(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    raise ZeroDivisionError("oh\nno")


def exits(image: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    sys.exit(3)


@pytest.mark.parametrize(
    ("generator", "reason"),
    [
        (raises, "the generator of 'bad' failed: ZeroDivisionError: oh no"),
        (exits, "the generator of 'bad' failed: SystemExit: 3"),
        (lambda image, severity, rng: image * 2, "left [0, 1]"),
        (lambda image, severity, rng: None, "returned NoneType"),
    ],
)
def test_generator_that_fails(photos: list[LabelledImage], cache: FeatureCache, generator: Any, reason: str) -> None:
    recipe = Distorted(step=Step(spec=spec("bad", synthesize=generator), severity=2.0), seed=0)
    good, bad = run([photos[0], replace(photos[0], recipe=recipe)], cache, Means())
    assert isinstance(good, ImageFeatures)
    assert isinstance(bad, Failure)
    assert reason in bad.reason


def test_progress_counts_every_picture(photos: list[LabelledImage], cache: FeatureCache) -> None:
    calls: list[tuple[str, int, int]] = []
    run(photos, cache, Means(), progress=lambda *call: calls.append(call))
    assert calls == [("features", i, 4) for i in (1, 2, 3, 4)]


def test_interrupt_does_not_wait_for_the_rest(tmp_path: Path, cache: FeatureCache) -> None:
    class Slow(Means):
        def features(self, pixels: np.ndarray, view: View, *, most: int | None = None) -> np.ndarray:
            time.sleep(0.02)
            return super().features(pixels, view)

    paths = [save(tmp_path / f"{i}.png", scene(i)) for i in range(60)]
    backbone = Slow()

    def interrupt(stage: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([LabelledImage(path=path, label=True) for path in paths], cache, backbone, progress=interrupt)
    assert backbone.seen < 60


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"DHEADS_CACHE": "here", "DHEADS_HOME": "there"}, Path("here")),
        ({"DHEADS_CACHE": "", "DHEADS_HOME": "there"}, Path("there") / "cache"),
        ({"DHEADS_HOME": "~/there"}, Path.home() / "there" / "cache"),
    ],
)
def test_cache_folder(environ: dict[str, str], folder: Path) -> None:
    assert FeatureCache.default(environ).folder == folder


def test_cache_folder_of_the_user() -> None:
    folder = FeatureCache.default({}).folder
    assert folder.is_absolute()
    assert "dheads" in folder.parts


@pytest.mark.parametrize(
    "module",
    ["datasets.own_data", "datasets.split_by_content", "training.features.records", "training.heads.add_head"],
)
def test_imports_no_torch(module: str) -> None:
    code = f"import sys, distortion_heads.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
