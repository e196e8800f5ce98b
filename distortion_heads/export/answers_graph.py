"""`heads.bank` and `heads.families` as nodes: features of windows become the answers of heads and families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.export.tensors import Tensor, constant, joined, where
from distortion_heads.heads.head import Activation, HeadFile
from distortion_heads.spec import FAMILY, MAX_SEVERITY, MIN_SEVERITY, View

_Architecture: TypeAlias = tuple[tuple[tuple[int, ...], Activation], ...]

PRESENT_FIRST = 1e6
"""The bonus with which a kind that is present ranks before all of its family that are not."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """The answers in a graph, float64 (N,) each, in the order of the heads or families, and bool (N,).

    `severity` is NaN where there is none.
    """

    probability: Tensor
    severity: Tensor
    threshold: Tensor
    present: Tensor

    def take(self, rows: Tensor | NDArray[np.int64]) -> Answers:
        """Return the answers of some rows."""
        said = (self.probability, self.severity, self.threshold, self.present)
        probability, severity, threshold, present = (values.take(rows, 0) for values in said)
        return Answers(probability=probability, severity=severity, threshold=threshold, present=present)


def head_answers(features: Mapping[View, Tensor], heads: Sequence[HeadFile]) -> Answers:
    """Answer for N heads from the features that each reads, float32 (K, dim)."""
    rows: list[int] = []
    probabilities, severities = [], []
    for view, values in features.items():
        for members in alike(view, heads):
            probability, severity = _answers(values, [heads[row] for row in members])
            probabilities.append(probability)
            severities.append(severity)
            rows += members
    order = np.argsort(rows)
    probability, severity = (joined(parts, 0).take(order, 0) for parts in (probabilities, severities))
    thresholds = constant(probability.parts, np.array([head.threshold.value for head in heads]))
    reached = probability >= thresholds
    # no kind is present where its family's own head says no: see `heads.families.decided`
    present = reached & reached.take(_deciding(heads), 0)
    return Answers(probability=probability, severity=severity, threshold=thresholds, present=present)


def _deciding(heads: Sequence[HeadFile]) -> NDArray[np.int64]:
    """The row of each head's family's own head, or its own row where there is none."""
    own = {head.family: row for row, head in enumerate(heads) if head.scope == FAMILY}
    return np.array([own.get(head.family, row) for row, head in enumerate(heads)], np.int64)


def alike(view: View, heads: Sequence[HeadFile]) -> list[list[int]]:
    """Group the rows of the heads that read a view by layers, outputs and pooling, so that each is one product."""
    rows = [row for row, head in enumerate(heads) if head.view == view]
    groups: dict[tuple[_Architecture, object], list[int]] = {}
    for row in rows:
        layers = tuple((layer.weight.shape, layer.activation) for layer in heads[row].layers)
        groups.setdefault((layers, heads[row].pooling), []).append(row)
    return list(groups.values())


def _answers(features: Tensor, heads: Sequence[HeadFile]) -> tuple[Tensor, Tensor]:
    """Probability and severity of heads of one architecture, float64 (n,) each: see `AnswerRules.answers`."""
    outputs = layers_of(features, heads).cast(np.float64)  # (n, K, outputs)
    windows = calibrated(outputs, heads).op("Sigmoid")
    mean = windows.mean(1)
    pooling = heads[0].pooling
    probability = mean if pooling is None else row_quantiles(windows, pooling.quantile)
    if "severity" not in heads[0].outputs:
        return probability, mean * 0.0 + np.nan
    levels = outputs.take(1, 2).op("Clip", MIN_SEVERITY, MAX_SEVERITY)
    weights = where(mean.with_axis(1) > 0.0, windows, 1.0)
    level = (weights * levels).sum(1) / weights.sum(1)
    return probability, level.op("Clip", MIN_SEVERITY, MAX_SEVERITY)


def calibrated(outputs: Tensor, heads: Sequence[HeadFile]) -> Tensor:
    """Return the calibrated logits, float64 (n, K), from what `layers_of` returns, in double precision."""
    scale, offset = (
        np.array([[getattr(head.calibration, name)] for head in heads], np.float64) for name in ("scale", "offset")
    )
    return outputs.take(0, 2) * scale + offset


def layers_of(features: Tensor, heads: Sequence[HeadFile]) -> Tensor:
    """Return the raw outputs of n heads of one architecture, float32 (n, K, outputs)."""
    values = features.with_axis(0)
    for layers in zip(*(head.layers for head in heads), strict=True):
        weights = np.stack([layer.weight.T for layer in layers])
        biases = np.stack([layer.bias[np.newaxis] for layer in layers])
        values = values @ _stored(features, weights) + _stored(features, biases)
        if layers[0].activation == "relu":
            values = values.op("Relu")
        elif layers[0].activation == "softmax_mixture":
            values = _mixture(values, layers[0].out // 2)
    return values


def _mixture(values: Tensor, types: int) -> Tensor:
    """The score expected under the probabilities of the types, whose logits come first."""
    weights = values.part(2, 0, types).op("Softmax", axis=2)
    return (weights * values.part(2, types, 2 * types)).sum(2).with_axis(2)


def _stored(beside: Tensor, weights: NDArray[np.float32]) -> Tensor:
    """A constant in half precision where that is exact, as in the files of most heads."""
    with np.errstate(over="ignore"):
        half = weights.astype(np.float16)
    if np.array_equal(half.astype(np.float32), weights):
        return constant(beside.parts, half).cast(np.float32)
    return constant(beside.parts, weights)


def row_quantiles(windows: Tensor, quantile: float) -> Tensor:
    """Return the quantile of each row of (n, K), between neighbours by a straight line: see `heads.bank.quantiles`."""
    ordered = windows.sorted(1)
    last = windows.length(1) - 1
    place = last.cast(np.float64) * quantile
    below = place.cast(np.int64)
    low, high = ordered.take(below, 1), ordered.take((below + 1).minimum(last), 1)
    return (low + (high - low) * (place - below.cast(np.float64))).minimum(high)


def family_answers(answers: Answers, heads: Sequence[HeadFile]) -> tuple[Answers, Tensor, Tensor]:
    """Answer for each family of `heads`, and give the shares of kinds, float64 (N,), and of other kinds, (families,).

    See `heads.families`; the share of a family's own head is 0.
    """
    families = members_of(heads)
    speakers = joined([_speaker(answers, heads, rows) for rows in families.values()], 0)
    shares: list[Tensor] = []
    others: list[Tensor] = []
    order: list[int] = []
    for rows in families.values():
        kinds = [row for row in rows if heads[row].scope != FAMILY]
        named, other = _shares(answers.probability, kinds)
        shares += [named, *(other * 0.0 for _ in range(len(rows) - len(kinds)))]
        order += [*kinds, *(row for row in rows if row not in kinds)]
        others.append(other)
    return answers.take(speakers), joined(shares, 0).take(np.argsort(order), 0), joined(others, 0)


def members_of(heads: Sequence[HeadFile]) -> dict[str, list[int]]:
    """Return the rows of each family's heads, families in the order of their first heads."""
    members: dict[str, list[int]] = {}
    for row, head in enumerate(heads):
        members.setdefault(head.family, []).append(row)
    return members


def _speaker(answers: Answers, heads: Sequence[HeadFile], rows: Sequence[int]) -> Tensor:
    """The row of the head that decides for its family, int64 (1,)."""
    own = [row for row in rows if heads[row].scope == FAMILY]
    places = np.array(own[:1] or rows, np.int64)
    if len(places) == 1:
        return constant(answers.probability.parts, places)
    thresholds = np.array([heads[row].threshold.value for row in rows])
    inverse = np.where(thresholds > 0, 1 / np.maximum(thresholds, 1e-5), 1e5)
    margin = answers.probability.take(places, 0) * inverse
    rank = answers.present.take(places, 0).cast(np.float64) * PRESENT_FIRST + margin
    best = rank.op("ArgMax", axis=0, keepdims=1, dtype=np.int64)
    return constant(best.parts, places).take(best, 0)


def _shares(probability: Tensor, kinds: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The shares of `kinds`, (n,), and of another kind, (1,)."""
    if not kinds:
        nothing: NDArray[Any] = np.empty(0)
        return constant(probability.parts, nothing), constant(probability.parts, np.ones(1))
    named = probability.take(np.array(kinds), 0)
    other = 1.0 - named.op("ReduceMax", axes=[0], keepdims=1)
    total = named.sum(0) + other
    return named / total, other / total
