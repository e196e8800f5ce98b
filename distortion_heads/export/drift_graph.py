"""`views.drift` as nodes: which way the parts of a picture grow brighter, and whether they agree."""

from __future__ import annotations

import numpy as np

from distortion_heads.export.tensors import Tensor, constant, continued, joined, luma
from distortion_heads.views.drift import (
    ALONG,
    AWAY,
    DIRECTIONS,
    LEAST_SIDE,
    LIMITS,
    LOGARITHM,
    MIDDLE,
    OUTWARD,
    PARTS,
    SCALE,
    UNIT,
)


def drift(small: Tensor) -> Tensor:
    """`views.drift.drift` of uint8 (H, W, 3), the picture of `overview`: float64 (1, 66)."""
    grey = luma(continued(small, LEAST_SIDE).cast(np.int64), 2)
    logarithm = constant(small.parts, LOGARITHM.astype(np.int64)).take(grey, 0)
    step = logarithm.length(0).minimum(logarithm.length(1)) / LEAST_SIDE
    steps = []
    for axis in (0, 1):
        places = (logarithm.length(axis) - step).range()
        steps.append(logarithm.take(places + step, axis) - logarithm.take(places, axis))
    told = [
        _agreement([_slopes(s.maximum(-limit).minimum(limit), limit).with_axis(1) for s in steps]) for limit in LIMITS
    ]
    return (joined(told, 0) * SCALE).reshape(1, -1)


def _slopes(steps: Tensor, limit: int) -> Tensor:
    counts = []
    for axis in (0, 1):
        borders = (steps.length(axis) * np.arange(PARTS + 1)) / PARTS
        counts.append(borders.part(0, 1, PARTS + 1) - borders.part(0, 0, PARTS))
        before = steps.take(np.array([0]), axis) * 0
        sums = joined([before, steps.op("CumSum", constant(steps.parts, np.array(axis)))], axis).take(borders, axis)
        steps = sums.part(axis, 1, PARTS + 1) - sums.part(axis, 0, PARTS)
    most = counts[0].reshape(-1, 1) * counts[1].reshape(1, -1) * limit
    means = (steps.cast(np.float64) / most.cast(np.float64)) * float(UNIT)
    return means.op("Round").cast(np.int64).reshape(-1)


def _agreement(slope: list[Tensor]) -> Tensor:
    pairs = joined(slope, 1)
    along, away = ((pairs.with_axis(0) * way).sum(2) for way in (DIRECTIONS[:, np.newaxis], OUTWARD))
    known = _ordered(away, AWAY)
    ends = [known.op(f"Reduce{end}", axes=[0], keepdims=0) for end in ("Max", "Min")]
    best = _ordered(along, ALONG).op("ReduceMax", axes=[0], keepdims=0)
    return joined([best, *ends, known.take(MIDDLE, 0)], 0)


def _ordered(values: Tensor, places: tuple[int, ...]) -> Tensor:
    mean = values.sum(1).cast(np.float64) / float(PARTS**2)
    return joined([mean.with_axis(1), values.sorted(1).cast(np.float64).take(np.array(places), 1)], 1)
