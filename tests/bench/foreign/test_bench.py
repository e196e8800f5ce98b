"""`dheads bench foreign` with two operators of no library, and the operators of Pillow and FFmpeg."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads.bench.foreign import bench as bench_module
from distortion_heads.bench.foreign import measure
from distortion_heads.bench.foreign.bench import ForeignBenchOptions, bench_foreign
from distortion_heads.bench.foreign.versions import ForeignPlan, Version, draw_versions, make_versions
from distortion_heads.foreign import ffmpeg, pillow
from distortion_heads.foreign.base import ForeignOperator, Level, Pixels, operator
from helpers.contracts import assert_valid
from helpers.tiny_registry import TinyRegistry, write_heads

SVT = "libsvtav1"


def grain(pixels: Pixels, level: Level) -> Pixels:
    noise = np.random.normal(0, (10, 30)[level], pixels.shape)  # noqa: NPY002
    return (pixels + noise).clip(0, 255).astype(np.uint8)


OPERATORS = (
    operator("test", "grain", "noise", grain),
    operator("test", "coded", "compression", lambda p, s: pillow.stored_as_jpeg(p, (20, 5)[s])),
)


@pytest.fixture
def picture() -> Pixels:
    y, x = np.mgrid[0:49, 0:65]
    waves = np.stack([128 + 90 * np.sin(x / 4), 128 + 90 * np.cos(y / 5), 2 * y + x], axis=-1)
    return waves.astype(np.uint8)


def test_a_run_writes_the_report(tmp_path: Path, picture: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    registry: TinyRegistry = write_heads(tmp_path / "weights", {"white_noise": "overview", "jpeg": "overview"}, seed=1)
    monkeypatch.setattr(bench_module, "all_operators", lambda: (OPERATORS, ("no magick",)))
    monkeypatch.setattr(measure, "all_operators", lambda: (OPERATORS, ()))
    (tmp_path / "clean").mkdir()
    for i in range(2):
        Image.fromarray(np.roll(picture, 5 * i, axis=1)).save(tmp_path / "clean" / f"{i}.png")
    plan = ForeignPlan(pairs=2, sizes=(32,))
    options = ForeignBenchOptions(images=tmp_path / "clean", out=tmp_path / "out", plan=plan)
    report = bench_foreign(options, make_registry=registry)
    groups = {group.name: group.n for group in report.figures.sets}
    assert groups["single, both"] == 2 * 2 * 2
    assert groups["no codec, both, raw"] == groups["no codec, both, JPEG 92"] == 2 * 2
    assert groups["pair, mild"] == groups["pair, strong"] == 2
    assert [row.stored for row in report.figures.own] == ["PNG", "JPEG 95", "JPEG 85"]
    assert report.setting.left_out == ("no magick",)
    content = json.loads((options.out / "report.json").read_text())
    assert_valid("bench", content)
    assert content["figures"]["pictures"] == 2
    text = (options.out / "report.md").read_text()
    assert "| test.grain | noise |" in text
    assert text.index("## Our own distortions") > text.index("## Operators")
    assert bench_foreign(options, make_registry=registry).figures == report.figures


def test_versions_depend_on_picture_and_seed_alone(picture: Pixels) -> None:
    plan = ForeignPlan(pairs=4, sizes=(32,))
    versions = draw_versions(OPERATORS, (), plan, "x")
    make = partial(make_versions, picture, versions, OPERATORS, ())
    state = np.random.get_state()[1]  # noqa: NPY002
    first, again, other = list(make(0)), list(make(0)), list(make(1))
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    noisy = [i for i, version in enumerate(versions) if "noise" in version.families]
    assert noisy
    assert all(not np.array_equal(first[i], other[i]) for i in noisy)
    assert np.array_equal(first[0], picture)


def test_pairs_are_of_two_families_in_physical_order() -> None:
    operators = (*OPERATORS, operator("test", "soft", "blur", lambda p, s: p))
    versions = draw_versions(operators, (), ForeignPlan(pairs=30, sizes=()), "x")
    pairs = {version.families for version in versions if version.kind == "pair"}
    assert pairs == {("blur", "noise"), ("noise", "compression"), ("blur", "compression")}
    assert Version(kind="clean", stored=92) in versions


@pytest.mark.parametrize(
    "made", [*pillow.operators(), *(o for o in ffmpeg.operators() if o.name != SVT)], ids=lambda made: made.label
)
def test_operators_change_a_picture_always_in_the_same_way(made: ForeignOperator, picture: Pixels) -> None:
    results = [made.apply(picture, level) for level in (0, 1, 0)]  # so little that codecs may do the same at both
    assert all(result.shape == picture.shape and result.dtype == np.uint8 for result in results)
    assert np.array_equal(results[0], results[2])
    assert not any(np.array_equal(result, picture) for result in results)


@pytest.mark.skipif(sys.platform != "linux" or SVT in ffmpeg.absent(), reason="needs SVT-AV1 on Linux")
def test_svt_av1_makes_no_real_time_process_of_this_one(picture: Pixels) -> None:
    (made,) = (o for o in ffmpeg.operators() if o.name == SVT)
    before = os.sched_getscheduler(0)
    assert made.apply(picture, 1).shape == picture.shape
    assert os.sched_getscheduler(0) == before


@pytest.mark.slow
def test_operators_of_the_extra_are_seeded(picture: Pixels) -> None:
    if not all(map(find_spec, ("imagecorruptions", "cv2", "skimage", "kornia"))):
        pytest.skip("the extra bench is not installed")
    from distortion_heads.foreign.all_operators import all_operators

    for made in all_operators()[0]:
        if made.name in (SVT, "zoom_blur"):
            continue
        results = []
        for _ in range(2):
            np.random.seed(1)  # noqa: NPY002
            results.append(made.apply(picture, 1))
        assert results[0].shape == picture.shape, made.label
        assert np.array_equal(*results), made.label
