"""Features of small windows -> the map of a family or of one head."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.local import LocalFeatures, LocalLevel
from distortion_heads.backbones.read_views import beside
from distortion_heads.heads.bank import HeadBank, sigmoid
from distortion_heads.heads.head import HeadFile
from distortion_heads.heat.place_model import around
from distortion_heads.spec import FAMILY, is_coarse
from distortion_heads.views.light import GRID, layout
from distortion_heads.views.units import CELL

_Floats: TypeAlias = NDArray[np.float64]

LEAST = 1e-4
"""Probability below which a window counts as this, so that one of them does not decide alone."""

MOST_LOGIT = 12.0

LIKELY = 3
"""Kinds of a family that are asked about places."""


class MapMaker:
    """Heads of one family, or a single one, that read the same view; safe to share between threads."""

    def __init__(self, heads: Sequence[HeadFile]) -> None:
        self.view = heads[0].view
        self._voices = {head.label: _Voice(head) for head in heads}
        self._own = [head.label for head in heads if head.scope == FAMILY]
        self._kinds = [head.label for head in heads if head.scope != FAMILY]

    def values(self, local: LocalFeatures, probability: Mapping[str, float]) -> NDArray[np.float32]:
        """Return float32 (rows, columns), in [0, 1]: the geometric mean over the sides of the windows around a place.

        And, of a family, over its own head and the highest of its kinds: all of them have to agree, since small
        windows show little and err in their own ways. `probability` of the whole picture says which `LIKELY` kinds are
        asked. Heads of the whole picture are far from what they know in a part of it, where only the order of their
        logits counts: of these the mean is taken.
        """
        kinds = sorted(self._kinds, key=lambda label: -probability.get(label, 0.0))[:LIKELY]
        groups = [group for group in (self._own, kinds) if group]
        if is_coarse(self.view):
            logits = [
                np.max([self._around(label, level, local, np.asarray) for label in group], axis=0)
                for level in local.levels
                for group in groups
            ]
            return sigmoid(np.mean(logits, axis=0)).astype(np.float32)
        logs = [
            np.log(np.maximum(np.max([self._around(label, level, local, sigmoid) for label in group], axis=0), LEAST))
            for level in local.levels
            for group in groups
        ]
        values: NDArray[np.float32] = np.exp(np.mean(logs, axis=0)).astype(np.float32)
        return values

    def highest(self, features: NDArray[np.float32]) -> float:
        """Return the highest probability in the windows of `features`, float32 (K, dim): of the family's own head."""
        return max(float(sigmoid(self._voices[label].of(features)).max()) for label in self._own or self._kinds)

    def _around(
        self, label: str, level: LocalLevel, local: LocalFeatures, scale: Callable[[_Floats], _Floats]
    ) -> _Floats:
        """(rows, columns) of places: the mean over the windows that cover each, of their logits on a `scale`."""
        windows = scale(self._voices[label].logits(level))
        return np.asarray(around(windows.reshape(-1, 1), level, local)[..., 0], np.float64)


class _Voice:
    """One head, by itself."""

    def __init__(self, head: HeadFile) -> None:
        self._bank, self._scale, self._offset = (
            HeadBank([head], expected=1),
            head.calibration.scale,
            head.calibration.offset,
        )

    def of(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the calibrated logits (K,) of features (K, dim)."""
        with np.errstate(over="ignore", invalid="ignore"):
            z = self._scale * self._bank.evaluate(features).logits[0].astype(np.float64) + self._offset
        clipped: NDArray[np.float64] = np.clip(np.nan_to_num(z), -MOST_LOGIT, MOST_LOGIT)
        return clipped

    def logits(self, level: LocalLevel) -> NDArray[np.float64]:
        return self.of(level.features).reshape(level.rows, level.columns)


def light_places(
    overview: LocalFeatures, small: NDArray[np.uint8], features: NDArray[np.float32], dim: int
) -> LocalFeatures:
    """Return the view "light" of each window of the overview: its own features and layout, and of the whole picture its
    tones and drift.

    `small` is the picture of `overview_view`, `features` the view "light" of the whole picture, `dim` the number of
    features of the backbone.
    """
    return replace(overview, levels=tuple(_light_level(level, small, features, dim) for level in overview.levels))


def full_places(native: LocalFeatures, picture: NDArray[np.float32]) -> LocalFeatures:
    """Return the view "full" of each native window: its own features, then those of the whole `picture` (dim,)."""
    levels = tuple(replace(level, features=beside(level.features, picture)) for level in native.levels)
    return replace(native, levels=levels)


def _light_level(level: LocalLevel, small: NDArray[np.uint8], features: NDArray[np.float32], dim: int) -> LocalLevel:
    side = level.side * CELL
    windows = _windows(small.shape[:2], level)
    own = np.array(
        [layout(small[rows, columns], max(2, side // GRID)).ravel() for rows, columns in windows], np.float32
    )
    whole = np.repeat(features[:1, dim : features.shape[1] - own.shape[1]], len(own), axis=0)
    return replace(level, features=np.concatenate([level.features, whole, own], axis=1))


def _windows(shape: Sequence[int], level: LocalLevel) -> Iterator[tuple[slice, slice]]:
    """The pixels of each window; those of one that is cut off at the edge begin before it."""
    side = level.side * CELL
    for row in range(level.rows):
        for column in range(level.columns):
            bottom, right = min(row * CELL + side, shape[0]), min(column * CELL + side, shape[1])
            yield slice(max(0, bottom - side), bottom), slice(max(0, right - side), right)


def family_view(heads: Sequence[HeadFile], family: str) -> tuple[HeadFile, ...]:
    """Return the heads of a family that read one view: that of its own head, else of the most of its kinds."""
    members = [head for head in heads if head.family == family]
    own = [head.view for head in members if head.scope == FAMILY]
    views = [head.view for head in members]
    view = own[0] if own else max(views, key=views.count)
    return tuple(head for head in members if head.view == view)
