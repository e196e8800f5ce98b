"""Hidden units of other heads for a head of quality: they were learnt from far more pictures than have opinions."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads.head import HeadFile, Layer
from distortion_heads.spec import LIGHT
from distortion_heads.training.heads.fit_quality import Array, Rated

AT_ONCE = 100
"""Pictures whose units are computed at once."""

LEAST_SPREAD = np.float32(1e-4)


BORROWED = 78
"""Units with which a head fills the 256 KiB that one may."""


def borrowed_units(rated: Rated, heads: Iterable[HeadFile], count: int = BORROWED) -> Layer:
    """Return copies of `count` hidden units of `heads`, each of a spread of about 1, in one layer.

    The layer reads a window followed by the whole; a unit reads one of them. Of all units those that tell the opinions
    best together, one after the other (orthogonal matching pursuit, Pati et al. 1993). `rated` holds native windows and
    the view "light" as the whole; heads of other views are not asked.
    """
    heads = tuple(heads)
    by_window, by_whole = (_first_layers(heads, view) for view in ("native", LIGHT))
    values = _means_of(rated, by_window, by_whole)
    spread = values.std(0) + LEAST_SPREAD
    chosen = _pursuit((values - values.mean(0)) / spread, rated.target - rated.target.mean(), count)
    split = by_window.out
    return _beside(
        _taken(by_window, chosen[chosen < split], spread[:split]),
        _taken(by_whole, chosen[chosen >= split] - split, spread[split:]),
    )


def _first_layers(heads: tuple[HeadFile, ...], view: str) -> Layer:
    layers = [head.layers[0] for head in heads if head.view == view]
    return Layer(
        weight=np.concatenate([layer.weight for layer in layers]),
        bias=np.concatenate([layer.bias for layer in layers]),
        activation="relu",
    )


def _means_of(rated: Rated, by_window: Layer, by_whole: Layer) -> Array:
    """Return the mean of each unit over the windows of each picture, then those of the whole, float32 (n, units)."""
    assert rated.whole is not None
    values = np.empty((len(rated), by_window.out + by_whole.out), np.float32)
    for start in range(0, len(rated), AT_ONCE):
        part = slice(start, min(start + AT_ONCE, len(rated)))
        first, last = rated.starts[part.start], rated.starts[part.stop]
        units = _units(by_window, rated.windows[first:last])
        counts = np.diff(rated.starts[part.start : part.stop + 1])[:, np.newaxis]
        values[part, : by_window.out] = np.add.reduceat(units, rated.starts[part] - first) / counts
        values[part, by_window.out :] = _units(by_whole, rated.whole[part])
    return values


def _units(layer: Layer, features: NDArray[np.generic]) -> Array:
    units: Array = np.maximum(np.asarray(features, np.float32) @ layer.weight.T + layer.bias, 0)
    return units


def _pursuit(values: Array, wanted: Array, count: int) -> NDArray[np.int64]:
    """Return the columns of `values` (n, units) that explain `wanted` (n,), the one that explains most first."""
    count = min(count, *values.shape)
    basis, left = np.zeros((len(values), count), np.float32), wanted
    chosen: list[int] = []
    for place in range(count):
        told = np.abs(values.T @ left)
        told[chosen] = -1
        chosen.append(int(told.argmax()))
        column = values[:, chosen[-1]] - basis[:, :place] @ (basis[:, :place].T @ values[:, chosen[-1]])
        basis[:, place] = column / max(float(np.linalg.norm(column)), 1e-6)
        left = left - basis[:, place] * (basis[:, place] @ left)
    return np.array(sorted(chosen), np.int64)


def _taken(layer: Layer, places: NDArray[np.int64], spread: Array) -> Layer:
    scale = spread[places]
    return Layer(weight=layer.weight[places] / scale[:, np.newaxis], bias=layer.bias[places] / scale, activation="relu")


def _beside(by_window: Layer, by_whole: Layer) -> Layer:
    weight = np.zeros((by_window.out + by_whole.out, by_window.in_ + by_whole.in_), np.float32)
    weight[: by_window.out, : by_window.in_] = by_window.weight
    weight[by_window.out :, by_window.in_ :] = by_whole.weight
    return Layer(weight=weight, bias=np.concatenate([by_window.bias, by_whole.bias]), activation="relu")
