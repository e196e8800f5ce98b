"""Agreement with people's scores, on values that can be reckoned or that another library gives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distortion_heads.metrics.correlation import agreement, fit_logistic, krcc, oriented, plcc, srocc

HUMAN = np.random.default_rng(5).uniform(1, 5, 200)


def test_correlations_are_those_of_scipy(rng: np.random.Generator) -> None:
    x = np.round(HUMAN + rng.normal(0, 0.8, 200), 1)  # with ties
    assert srocc(x, HUMAN) == pytest.approx(stats.spearmanr(x, HUMAN).statistic)
    assert krcc(x, HUMAN) == pytest.approx(stats.kendalltau(x, HUMAN).statistic)
    assert plcc(x, HUMAN) == pytest.approx(stats.pearsonr(x, HUMAN).statistic)


def test_a_perfect_scorer() -> None:
    found = agreement(HUMAN, HUMAN)
    assert (found.n, found.srocc, found.krcc) == (200, pytest.approx(1), pytest.approx(1))
    assert found.plcc == pytest.approx(1)
    assert found.plcc5 == pytest.approx(1, abs=1e-6)
    assert found.rmse == pytest.approx(0, abs=1e-3)
    assert found.notes == ()


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e5])
def test_a_bent_scale_is_straightened(scale: float) -> None:
    bent = scale / (1 + np.exp(-(HUMAN - 3) * 4))
    found = agreement(bent, HUMAN)
    assert found.srocc == pytest.approx(1)
    assert found.plcc is not None
    assert found.plcc < 0.97
    assert found.plcc5 is not None
    assert found.plcc5 > found.plcc
    human = 10 / (1 + np.exp(-(HUMAN - 3) / 0.7)) + 2
    curve = fit_logistic(HUMAN * scale, human, 4)
    assert curve is not None
    np.testing.assert_allclose(curve(HUMAN * scale), human, atol=1e-4)


def test_orientation() -> None:
    """DMOS and GMSD both fall as quality rises: turned round, they agree."""
    dmos, gmsd = 100 - 20 * HUMAN, 0.3 - HUMAN / 20
    found = agreement(oriented(gmsd, higher_better=False), oriented(dmos, higher_better=False))
    assert found.srocc == pytest.approx(1)
    assert agreement(gmsd, oriented(dmos, higher_better=False)).srocc == pytest.approx(-1)


def test_the_logistic_falls_if_the_scores_do() -> None:
    found = agreement(-HUMAN, HUMAN)
    assert found.plcc == pytest.approx(-1)
    assert found.plcc5 == pytest.approx(1, abs=1e-4), "the curve turns the scale round"


def test_rmse_has_the_units_of_the_human_means() -> None:
    noisy = HUMAN + np.where(np.arange(200) % 2, 0.5, -0.5)
    found, larger = agreement(HUMAN, noisy), agreement(HUMAN, 20 * noisy)
    assert found.rmse == pytest.approx(0.5, abs=0.02)
    assert larger.rmse == pytest.approx(20 * found.rmse, rel=1e-2)


def test_intervals_draw_whole_scenes(rng: np.random.Generator) -> None:
    noise = np.repeat(rng.normal(0, 1.5, 20), 10)
    alone = agreement(HUMAN + noise, HUMAN, np.arange(200))
    together = agreement(HUMAN + noise, HUMAN, np.repeat(np.arange(20), 10))
    for found in (alone, together):
        assert found.srocc_interval is not None
        assert found.plcc_interval is not None
        assert found.srocc_interval[0] < found.srocc < found.srocc_interval[1]
        assert found.plcc_interval[0] < found.plcc5 < found.plcc_interval[1]
    assert alone.srocc_interval != together.srocc_interval


def test_what_is_not_defined() -> None:
    constant = agreement(np.ones(9), HUMAN[:9])
    assert (constant.n, constant.srocc, constant.plcc5, constant.rmse) == (9, None, None, None)
    assert agreement(HUMAN[:3], HUMAN[:3]).srocc is None
    for predicted in ([1.0, np.nan] * 5, [1.0, 2.0]):
        with pytest.raises(ValueError, match="as many scores"):
            agreement(predicted, HUMAN[:10])
