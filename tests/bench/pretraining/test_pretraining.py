"""`dheads bench pretraining`: targets against people's means, and schemes of learning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from distortion_heads.backbones.open import bundled_backbone, open_backbone
from distortion_heads.bench.pretraining.bench import PretrainingOptions, bench_pretraining
from distortion_heads.bench.pretraining.pictures import PictureSets
from distortion_heads.bench.pretraining.report import PretrainingReport, Setting, to_markdown
from distortion_heads.bench.pretraining.schemes import SchemePlan, SchemeRow, compare_schemes
from distortion_heads.bench.pretraining.targets import HUMAN, TargetRow, compare_targets, winner
from distortion_heads.datasets.record import Record
from distortion_heads.errors import DataError
from distortion_heads.metrics.pseudo_opinion import LAI, equalized_mean, plain_mean
from distortion_heads.metrics.reference.table import DEEPFL, METRICS
from distortion_heads.registry.attached import load_registry
from distortion_heads.training.features.cache import FeatureCache
from helpers.little_pictures import noisy, save, scene

KINDS = ("white_noise", "jpeg", "gaussian_blur", "pixelate", "darken")


def scores_of(quality: float) -> dict[str, float]:
    """Every metric says the same, in its own direction."""
    return {name: quality if METRICS[name].higher_better else 1 - quality for name in DEEPFL}


def records(root: Path, scenes: range) -> tuple[Record, ...]:
    """Noise that grows with the level, whatever the kind is called; SSIM is wrong about every second kind."""
    made = []
    for number in scenes:
        kind = KINDS[number % len(KINDS)]
        for level in (1.0, 3.0, 5.0):
            pixels = scene(number, 64)
            for step in range(int(level)):
                pixels = noisy(pixels, 10 * number + step)
            path = save(root / f"{number}-{level:g}.png", pixels)
            scores = scores_of(1 - level / 8)
            if KINDS.index(kind) % 2:
                scores["ssim"] = 1 - scores["ssim"]
            made.append(
                Record(
                    path=path, scene=str(number), severities={kind: level}, kind=kind, scores=scores, mos=5 - level / 2
                )
            )
    return tuple(made)


@pytest.fixture
def sets(tmp_path: Path) -> PictureSets:
    return PictureSets(records(tmp_path / "a", range(10)), records(tmp_path / "b", range(10, 20)))


@pytest.mark.usefixtures("few_draws")
def test_the_best_target_is_found_and_heads_learn_it(sets: PictureSets, tmp_path: Path) -> None:
    backbone = open_backbone(bundled_backbone(), threads=1)
    rows = compare_targets(sets, backbone, FeatureCache(tmp_path / "cache"), 0, lambda done, total: None)
    by_name = {row.name: row for row in rows}
    assert by_name[HUMAN].levels == pytest.approx(1)
    assert by_name["VSI"].levels == pytest.approx(1)
    assert by_name["GMSD"].levels == pytest.approx(1)  # of which less is better
    assert (by_name["SSIM"].levels or 0) < 0.6
    learnt = by_name["DeepFL's nine, equalised"]
    assert (learnt.learnt or 0) > 0.5
    assert (learnt.unseen or 0) > 0.5
    assert winner(rows, "levels") != HUMAN
    assert by_name["VSI"].learnt is None


def test_means_of_metrics() -> None:
    assert plain_mean(LAI, scores_of(0.25)) == pytest.approx(0.25)
    maps = {"ssim": lambda values: np.array(values), "gmsd": lambda values: 1 - np.array(values)}
    found = equalized_mean(("ssim", "gmsd"), [scores_of(0.5), {**scores_of(0.5), "gmsd": 0.0}], maps)
    np.testing.assert_allclose(found, [0.5, 0.75])


def test_people_do_not_win_against_themselves() -> None:
    rows = [
        TargetRow(name=HUMAN, levels=1.0, kinds=1.0, learnt=0.9, unseen=0.2),
        TargetRow(name="VSI", levels=0.8, kinds=None, learnt=0.7, unseen=0.3),
    ]
    figures = ("levels", "kinds", "learnt", "unseen")
    assert [winner(rows, figure) for figure in figures] == ["VSI", None, HUMAN, "VSI"]


def test_the_report_says_what_was_measured() -> None:
    setting = Setting(
        command="dheads bench pretraining", backbone="dheads_small", plan=SchemePlan(), scored=10, rated=5,
        scored_scenes=2, rated_scenes=1, levels=5, kinds=1,
    )  # fmt: skip
    report = PretrainingReport(
        setting=setting,
        targets=(TargetRow(name="VSI", levels=0.81, kinds=None),),
        schemes=(SchemeRow(name="SVR", srocc=0.5, plcc=None, paper=0.93),),
    )
    text = to_markdown(report)
    assert "| VSI | 0.810 | – | – | – |" in text
    assert "| SVR | 0.500 | – | 0.930 |" in text
    assert "Schemes" not in to_markdown(replace(report, schemes=()))
    assert "nothing is decided" not in to_markdown(replace(report, targets=()))


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    options = PretrainingOptions(images=tmp_path, held=tmp_path, out=tmp_path, work=tmp_path, parts=("lai",))
    with pytest.raises(DataError, match="no part 'lai': choose of targets, schemes"):
        bench_pretraining(options, load_registry(no_plugins=True))


@pytest.mark.slow
def test_every_scheme_is_measured(sets: PictureSets, tmp_path: Path) -> None:
    plan = SchemePlan(epochs=1, regression_epochs=1, repetitions=1, backbone="mobilenet_v3_small", weights="none")
    rows = compare_schemes(sets, plan, load_registry(no_plugins=True), tmp_path / "work", lambda stage: None)
    assert len(rows) == 7
    assert all(row.srocc is None or -1 <= row.srocc <= 1 for row in rows)
