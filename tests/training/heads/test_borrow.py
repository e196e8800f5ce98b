"""Units that a head of quality takes over from other heads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads.head import HeadFile, Layer
from distortion_heads.training.heads.borrow import borrowed_units
from distortion_heads.training.heads.fit_quality import Rated, fit_on_units
from helpers.sample_heads import make_head

DIM, WIDTH = 8, 6


def head_of(view: str, width: int, seed: int) -> HeadFile:
    rng = np.random.default_rng(seed)
    first = Layer(
        weight=rng.standard_normal((5, width), np.float32), bias=rng.standard_normal(5, np.float32), activation="relu"
    )
    return replace(make_head(), view=view, layers=(first,))


def rated(heads: tuple[HeadFile, ...]) -> Rated:
    """Pictures whose quality is the third unit of the first head less the second of the last, which reads wholes."""
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 4, 300)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    windows, whole = rng.standard_normal((starts[-1], DIM), np.float32), rng.standard_normal((300, WIDTH), np.float32)
    a, b = (head.layers[0] for head in heads)
    by_window = np.maximum(windows @ a.weight[2] + a.bias[2], 0)
    by_whole = np.maximum(whole @ b.weight[1] + b.bias[1], 0)
    target = 3 + np.add.reduceat(by_window, starts[:-1]) / counts - by_whole
    return Rated(windows=windows, starts=starts, target=target.astype(np.float32), whole=whole)


def test_the_units_that_make_the_opinion_are_found_and_kept() -> None:
    heads = (head_of("native", DIM, 0), head_of("light", WIDTH, 1))
    pictures = rated(heads)
    units = borrowed_units(pictures, heads, 2)
    assert units.weight.shape == (2, DIM + WIDTH)
    for row, head, place, part in ((0, heads[0], 2, slice(0, DIM)), (1, heads[1], 1, slice(DIM, None))):
        ratio = units.weight[row, part] / head.layers[0].weight[place]
        assert np.allclose(ratio, ratio[0], rtol=1e-4)
        assert np.isclose(units.bias[row] / head.layers[0].bias[place], ratio[0], rtol=1e-4)
    assert not units.weight[0, DIM:].any()
    assert not units.weight[1, :DIM].any()
    layers = fit_on_units(pictures, units, seed=0)
    assert layers[0] is units
    answers = [_answer(layers, pictures.features(i)) for i in range(len(pictures))]
    assert np.corrcoef(answers, pictures.target)[0, 1] > 0.8


def _answer(layers: tuple[Layer, ...], x: NDArray[np.float32]) -> float:
    for layer in layers:
        x = x @ layer.weight.T + layer.bias
        x = np.maximum(x, 0) if layer.activation == "relu" else x
    return float(x.mean())


def test_there_may_be_fewer_units_than_are_asked_for() -> None:
    heads = (head_of("native", DIM, 0), head_of("light", WIDTH, 1))
    assert borrowed_units(rated(heads), heads, 99).out == 10
