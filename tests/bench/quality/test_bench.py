"""`dheads bench quality` on little pictures, and its figures on scores that can be reckoned."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("piq")

from distortion_heads.bench.quality.bench import QualityBenchOptions, bench_quality
from distortion_heads.bench.quality.figures import Figures, compute_figures
from distortion_heads.bench.quality.measure import QualityPlan, Version, make_versions, versions
from distortion_heads.errors import DataError, InputError
from distortion_heads.metrics.scorers import Scorer
from helpers.contracts import assert_valid
from helpers.little_pictures import noisy, save, scene
from helpers.tiny_registry import TinyRegistry, write_heads

KINDS = ("gaussian_blur", "white_noise")


@pytest.fixture
def registry(tmp_path: Path) -> TinyRegistry:
    return write_heads(tmp_path / "weights", dict.fromkeys(KINDS, "overview"), seed=1)


@pytest.fixture
def options(tmp_path: Path) -> QualityBenchOptions:
    for seed in range(2):
        save(tmp_path / "clean" / f"{seed}.png", noisy(scene(seed, 72), seed))
    plan = QualityPlan(scorers=("psnr", "gradient", "ms_ssim"), side=64)
    return QualityBenchOptions(images=tmp_path / "clean", out=tmp_path / "out", plan=plan)


def test_a_run(options: QualityBenchOptions, registry: TinyRegistry) -> None:
    report = bench_quality(options, make_registry=registry)
    psnr, gradient, ms_ssim = report.figures.scorers
    assert (psnr.name, psnr.needs_reference, psnr.missing) == ("psnr", True, 0)
    assert psnr.d == 1, "only the clean picture equals itself"
    assert psnr.l == pytest.approx(1, abs=0.01)
    assert set(psnr.kinds) == set(KINDS)
    assert gradient.kinds["gaussian_blur"] > 0.9
    assert gradient.kinds["white_noise"] < -0.9
    assert gradient.weakest.startswith("white noise -")
    assert (ms_ssim.missing, ms_ssim.d) == (2 * 11, None), "too small for it"
    assert report.figures.people_pairs > 0
    assert report.figures.pairs == 0, "one of the judges has no scores"
    content = json.loads((options.out / "report.json").read_text())
    assert_valid("bench", content)
    assert content["setting"]["pictures"] == 2
    text = (options.out / "report.md").read_text()
    assert "| gradient sharpness |  |" in text
    assert bench_quality(options, make_registry=registry).figures.scorers == report.figures.scorers


def test_mistakes(options: QualityBenchOptions, registry: TinyRegistry) -> None:
    for plan, error, words in (
        (replace(options.plan, scorers=("lpips",)), InputError, "no metric 'lpips'"),
        (replace(options.plan, kinds=("rain",)), DataError, "no distortion 'rain' can be made"),
    ):
        with pytest.raises(error, match=words):
            bench_quality(replace(options, plan=plan), make_registry=registry)
    (options.images / "0.png").write_bytes(b"no picture")
    report = bench_quality(options, make_registry=registry)
    assert report.setting.pictures == 1
    assert report.setting.unreadable[0].startswith("picture 0.png: not an image")


def test_versions_are_the_same_each_time(registry: TinyRegistry) -> None:
    kinds = tuple(registry().head(label).spec for label in KINDS)
    pixels, plan = scene(1, 48), QualityPlan()
    first, second = (list(make_versions(pixels, kinds, plan)) for _ in range(2))
    assert len(first) == len(versions(kinds)) == 11
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert (first[0] == pixels).all()
    other = list(make_versions(pixels, kinds, replace(plan, seed=1)))
    assert not (other[6] == first[6]).all()


def scorer(name: str) -> Scorer:
    return Scorer(name=name, title=name, higher_better=True, needs_reference=False, score=lambda a, b: 0.0)


@pytest.fixture
def figures() -> Figures:
    """`right` says what people say; `blind` sees only the second kind, and calls all of the first one equal."""
    made = [Version(label="", severity=0, mean=4.6)]
    made += [Version(label=kind, severity=s, mean=4.6 - 0.7 * s) for kind in ("a", "b") for s in (1, 2, 3, 4, 5)]
    right = np.array([version.mean for version in made])
    blind = np.where([version.label == "a" for version in made], 0.5, right)
    scores = np.stack([right, blind], axis=1)[None] + np.random.default_rng(0).normal(0, 0.01, (40, 11, 2))
    scores[..., 1] = np.round(scores[..., 1], 1)
    return compute_figures(scores, made, [scorer("right"), scorer("blind")])


def test_who_is_right_wins(figures: Figures) -> None:
    right, blind = figures.scorers
    assert (right.d, right.l, right.p_people) == (1, pytest.approx(1), 1)
    assert blind.kinds["a"] == pytest.approx(0, abs=0.2)
    assert blind.kinds["b"] == pytest.approx(1)
    assert blind.p_people is not None
    assert blind.p_people < 0.95
    assert right.defends == 1
    assert right.attacks is not None
    assert right.attacks > 0
    assert blind.attacks == 0


def test_missing_scores_count_nowhere() -> None:
    made = [Version(label="", severity=0, mean=4.6), *(Version(label="a", severity=s, mean=4 - s / 2) for s in (1, 2))]
    holes, none = [[1.0, np.nan, 1.0], [3.0, 2.0, 1.0]], [[np.nan] * 3] * 2
    scores = np.stack([np.array([[3.0, 2.0, 1.0]] * 2), np.array(holes), np.array(none)], axis=2)
    whole, some, never = compute_figures(scores, made, [scorer("whole"), scorer("some"), scorer("never")]).scorers
    assert (whole.missing, whole.d, whole.l) == (0, 1, pytest.approx(1))
    assert (some.missing, some.d, some.l) == (1, 1, pytest.approx(1)), "of the second picture alone"
    assert some.p_people is not None
    assert some.p_people < 1, "the first picture is in pairs"
    assert (never.missing, never.d, never.p_people, never.attacks) == (6, None, None, None)
