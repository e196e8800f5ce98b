"""Fitting heads of quality: gradients, determinism, and what their figures are."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from distortion_heads.heads.file import dump_head, parse_head
from distortion_heads.heads.head import Scale
from distortion_heads.spec import BackboneRef
from distortion_heads.training.heads import fit_quality as module
from distortion_heads.training.heads.fit_layers import Perceptron
from distortion_heads.training.heads.fit_quality import Rated, fit_quality
from distortion_heads.training.heads.quality_head import monotone, new_quality_head, raw_qualities, with_figures
from distortion_heads.training.heads.train_head import HeadCard
from helpers.sample_heads import make_head

DIM, WHOLE = 12, 5
SCALE = Scale(low=1.0, high=5.0, meaning="-", target="-")


def rated(n: int = 60, *, whole: bool = True, seed: int = 0, series: int = 1) -> Rated:
    """Pictures of one to three windows whose quality is the mean of one feature, and one of the whole."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 4, n)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    windows = rng.standard_normal((starts[-1], DIM), np.float32)
    other = rng.standard_normal((n, WHOLE), np.float32)
    target = np.add.reduceat(windows[:, 0], starts[:-1]) / counts
    target = 3 + target + (other[:, 1] if whole else 0)
    return Rated(
        windows=windows,
        starts=starts,
        target=target.astype(np.float32),
        whole=other if whole else None,
        series=series,
    )


def loss(net: Perceptron, part: Rated) -> float:
    first, last = net.layers()
    weight = first.weight.T.astype(np.float64)
    quality = np.array(
        [
            np.maximum(part.features(i) @ weight + first.bias, 0).mean(0) @ last.weight[0] + last.bias[0]
            for i in range(len(part))
        ],
        np.float64,
    )
    miss = np.abs(quality - part.target)
    smooth = np.where(miss < module.BETA, miss**2 / (2 * module.BETA), miss - module.BETA / 2)
    if part.series == 1:
        return float(smooth.mean())
    weight = np.where(np.arange(len(part)) % part.series == 0, module.BEST_WEIGHT, 1.0)
    found, wanted = quality.reshape(-1, part.series), part.target.reshape(-1, part.series).astype(np.float64)
    margin = np.clip((wanted[:, :-1] - wanted[:, 1:]) / 2, module.LEAST_MARGIN, module.MOST_MARGIN)
    hinge = np.maximum(margin - (found[:, :-1] - found[:, 1:]), 0)
    return float((weight * smooth).mean() + module.RANK_WEIGHT * hinge.mean())


@pytest.mark.parametrize("series", [1, 5])
def test_gradients_are_those_of_the_loss(series: int) -> None:
    part = rated(20, seed=1, series=series)
    net = module._started(part, np.random.default_rng(3))
    gradients = module._gradients(net, part)
    rng = np.random.default_rng(5)
    for parameter, gradient in zip(net.parameters, gradients, strict=True):
        direction = rng.standard_normal(parameter.shape).astype(np.float32)
        before = parameter.copy()
        parameter += np.float32(5e-5) * direction
        above = loss(net, part)
        parameter[...] = before - np.float32(5e-5) * direction
        below = loss(net, part)
        parameter[...] = before
        assert (above - below) / 1e-4 == pytest.approx(float((gradient * direction).sum()), rel=0.02, abs=2e-3)


def test_units_read_windows_and_the_whole_if_there_is_one() -> None:
    first, last = fit_quality(rated(60, series=5), seed=0)
    assert (first.weight.shape, last.weight.shape) == ((module.HIDDEN_FULL, DIM + WHOLE), (1, module.HIDDEN_FULL))
    alone, _ = fit_quality(rated(60, whole=False), seed=0)
    assert alone.weight.shape == (module.HIDDEN, DIM)


def test_few_pictures_are_enough_for_what_is_plain() -> None:
    data, unseen = rated(400, whole=False), rated(100, whole=False, seed=1)
    layers = fit_quality(data, seed=0)
    again = fit_quality(data, seed=0)
    assert all(np.array_equal(a.weight, b.weight) for a, b in zip(layers, again, strict=True))
    card = HeadCard(label="mine", title="Mine", family="quality", license="CC0")
    ref = BackboneRef(name="tiny", fingerprint="ab" * 32, dim=DIM)
    head = new_quality_head(card, layers, ref, make_head().provenance, SCALE)
    raw = raw_qualities(head, unseen)
    head = replace(head, calibration=monotone(raw, unseen.target.astype(np.float64)))
    head, spread = with_figures(head, raw, unseen.target.astype(np.float64), np.arange(100), "unseen")
    assert head.metrics.srocc is not None
    assert head.metrics.srocc > 0.8
    assert spread.srocc is not None
    assert spread.srocc[0] < head.metrics.srocc < spread.srocc[1]
    parse_head(dump_head(head), "a file")


def test_a_calibration_rises_and_hits_the_means() -> None:
    rng = np.random.default_rng(0)
    raw = rng.uniform(0, 1, 400)
    target = 1 + 4 * raw**2 + rng.normal(0, 0.3, 400)
    knots = monotone(raw, target).knots
    assert all(b.raw > a.raw and b.value >= a.value for a, b in pairwise(knots))
    mapped = np.interp(raw, [k.raw for k in knots], [k.value for k in knots])
    assert np.abs(mapped - (1 + 4 * raw**2)).mean() < 0.12
    assert monotone(raw[:10], target[:10]).method == "none"
