"""Cells -> features of small overlapping windows, all over a picture: what maps of it are made from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.architecture import MEAN_FLOOR, VARIANCE_FLOOR
from distortion_heads.views.units import CELL, FEATURE_LIMIT

MOST_CELLS = 4096
"""Cells of a map: those of a larger picture are joined, which bounds the memory (about 30 MB)."""

_Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalLevel:
    """Features, float32 (rows * columns, dim), of windows of `side` units, one unit apart, row by row."""

    side: int
    rows: int
    columns: int
    features: _Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class LocalFeatures:
    """The windows of several sides over a grid of `rows` x `columns` units, each `unit` pixels of the view wide."""

    unit: int
    rows: int
    columns: int
    levels: tuple[LocalLevel, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Standard:
    """How pooled moments become features: the first `plain` channels are no magnitudes; `mean`, `scale` (dim,)."""

    plain: int
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]


class CellCollector:
    """Keeps the cells of a canvas, which come from top to bottom, joined to units of `joined` x `joined`."""

    def __init__(self, rows: int, columns: int) -> None:
        self.joined = max(1, ceil(sqrt(rows * columns / MOST_CELLS)))
        self._parts: list[_Floats] = []
        self._rest: _Floats | None = None

    def add(self, values: _Floats) -> None:
        """Take the next rows: float32 (2 * channels, rows, columns), means and variances."""
        if self._rest is not None:
            values = np.concatenate([self._rest, values], axis=1)
        whole = values.shape[1] // self.joined * self.joined
        if whole:
            self._parts.append(_joined(values[:, :whole], self.joined))
        self._rest = values[:, whole:] if whole < values.shape[1] else None

    def local(self, sides: Sequence[int], standard: Standard) -> LocalFeatures:
        """Return the features of windows of `sides` units over all that was added; smaller where the grid is."""
        if self._rest is not None:
            self._parts.append(_joined(self._rest, self.joined))
            self._rest = None
        cells = np.concatenate(self._parts, axis=1) if len(self._parts) > 1 else self._parts[0]
        rows, columns = cells.shape[1:]
        fitting = dict.fromkeys(min(side, rows, columns) for side in sides)
        levels = tuple(_level(cells, side, standard) for side in fitting)
        return LocalFeatures(unit=CELL * self.joined, rows=rows, columns=columns, levels=levels)


def _joined(values: _Floats, size: int) -> _Floats:
    """Return the moments of blocks of `size` x `size` cells; the last of a row or column may be smaller."""
    if size == 1:
        return values.copy()
    mean, variance = np.split(values, 2)
    first, second = _blocks(mean, size), _blocks(variance + mean * mean, size)
    return np.concatenate([first, np.maximum(second - first * first, 0)])


def _blocks(values: _Floats, size: int) -> _Floats:
    for axis in (1, 2):
        starts = np.arange(0, values.shape[axis], size)
        counts = np.diff(np.append(starts, values.shape[axis])).astype(np.float32)
        shape = (1, -1, 1) if axis == 1 else (1, 1, -1)
        values = np.asarray(np.add.reduceat(values, starts, axis=axis) / counts.reshape(shape), np.float32)
    return values


def _level(cells: _Floats, side: int, standard: Standard) -> LocalLevel:
    """Pool as `CellBackbone.pool` does, in single precision: a map needs no more, and it takes a fifth of the time."""
    mean, variance = np.split(cells, 2)
    if side > 1:
        second = _box(variance + mean * mean, side)
        mean = _box(mean, side)
        variance = np.maximum(second - mean * mean, 0)
    rows, columns = mean.shape[1:]
    deviation = np.log(variance + np.float32(VARIANCE_FLOOR))
    deviation *= np.float32(0.5)
    if side == 1:
        mean = mean.copy()
    mean[standard.plain :] = np.log(mean[standard.plain :] + np.float32(MEAN_FLOOR))
    features = np.concatenate([mean, deviation]).reshape(2 * len(mean), -1)
    features -= standard.mean.astype(np.float32)[:, np.newaxis]
    features /= standard.scale.astype(np.float32)[:, np.newaxis]
    np.clip(features, -FEATURE_LIMIT, FEATURE_LIMIT, out=features)
    return LocalLevel(side=side, rows=rows, columns=columns, features=features.T)


def _box(values: _Floats, side: int) -> _Floats:
    """Return the means over all squares of `side`: (C, H - side + 1, W - side + 1)."""
    rows = sum(_shifts(values, side, 1))
    total: _Floats = sum(_shifts(rows, side, 2))  # type: ignore[arg-type, assignment]
    return total / np.float32(side * side)


def _shifts(values: _Floats, side: int, axis: int) -> Iterator[_Floats]:
    kept = values.shape[axis] - side + 1
    for start in range(side):
        yield values[:, start : start + kept] if axis == 1 else values[:, :, start : start + kept]
