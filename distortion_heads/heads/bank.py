"""Evaluate many heads at once, and answer for an image from its windows (Ameur et al. 2022, section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import ceil
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.answers import HeadResult
from distortion_heads.errors import HeadTensorError
from distortion_heads.heads.head import Activation, HeadFile, Layer
from distortion_heads.spec import MAX_SEVERITY, MIN_SEVERITY, Scope, width_of

BLOCK_BYTES = 32 * 2**20
"""Weights side by side: from 4 MiB on NumPy asks for huge pages, without which reading takes a fifth longer."""

SMALL_PRODUCT, FEWEST_COLUMNS = 2**18, 4
"""Multiplications up to which OpenBLAS computes a product on one thread, and columns below which parts of a product do
not pay: it is large then, as those of training are."""

_Architecture: TypeAlias = tuple[tuple[tuple[int, int], Activation], ...]
"""`(out, in)` and the activation of each layer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadOutputs:
    """Raw outputs of N heads for K windows: float32 (N, K) each; `severity` is NaN where a head has none."""

    logits: NDArray[np.float32]
    severity: NDArray[np.float32]


class HeadBank:
    """N heads that read the same features. Once all are added it may be shared between threads.

    Each head is a matrix product of its own, so that its outputs are bit for bit the same whatever other heads are
    attached: BLAS chooses its summation by shape, so one wide product over all heads would not grant that.
    """

    def __init__(self, heads: Iterable[HeadFile] = (), *, expected: int = 0) -> None:
        """Take room for about `expected` heads, if given, and add `heads`. Raises what `add` raises."""
        self._expected = expected
        self._bare: list[HeadFile] = []  # their layers lie in the blocks alone
        self._versions: dict[frozenset[tuple[str, str]], Mapping[str, str]] = {}
        self._dims: set[int] = set()
        self._blocks: dict[_Architecture, list[_Block]] = {}
        self._rules = AnswerRules.of(())
        for head in heads:
            self.add(head)

    def __len__(self) -> int:
        return len(self._bare)

    @property
    def heads(self) -> tuple[HeadFile, ...]:
        """The heads in the order in which they were added; their weights are read-only and lie in the bank."""
        blocks = chain.from_iterable(self._blocks.values())
        layers = {row: block.layers(place) for block in blocks for place, row in enumerate(block.rows)}
        return tuple(replace(head, layers=layers[row]) for row, head in enumerate(self._bare))

    def add(self, head: HeadFile) -> None:
        """Add a copy of `head`; keeping the original as well takes twice the memory.

        Raises `ValueError` if it reads vectors of another length than the others.
        """
        if len(dims := self._dims | {width_of(head.view, head.backbone.dim)}) > 1:
            raise ValueError(f"heads of one bank read features of different lengths: {sorted(dims)}")
        architecture = _architecture(head)
        blocks = self._blocks.setdefault(architecture, [])
        if not blocks or blocks[-1].full:
            blocks.append(_Block(architecture, self._expected))
        self._dims = dims
        blocks[-1].add(head, row=len(self._bare))
        # heads that were trained alike share this
        versions = self._versions.setdefault(frozenset(head.provenance.versions.items()), head.provenance.versions)
        self._bare.append(replace(head, layers=(), provenance=replace(head.provenance, versions=versions)))

    def answers(self, features: NDArray[np.float32]) -> list[HeadResult]:
        """Return each head's answer for an image, from the features of its windows, float32 (K, dim), K >= 1.

        Raises what `evaluate` and `AnswerRules.answers` raise.
        """
        return self._current_rules().answers(self.evaluate(features))

    def judge(self, features: NDArray[np.float32]) -> tuple[list[HeadResult], tuple[str, ...]]:
        """Return the `answers` of the heads that do not overflow, and the labels of those that do."""
        return self._current_rules().judge(self.evaluate(features))

    def _current_rules(self) -> AnswerRules:
        if len(self._rules.labels) < len(self._bare):
            self._rules = AnswerRules.of(self._bare)
        return self._rules

    def evaluate(self, features: NDArray[np.float32]) -> HeadOutputs:
        """Return the raw outputs for `features`, float32 (K, dim), in the order of the heads; raise `ValueError`."""
        features = np.ascontiguousarray(features, np.float32)
        if features.ndim != 2 or not self._dims <= {features.shape[1]}:
            raise ValueError(f"features have the shape {features.shape}, not (K, {min(self._dims, default='dim')})")
        logits = np.empty((len(self._bare), len(features)), np.float32)
        severity = np.full_like(logits, np.nan)
        for block in chain.from_iterable(self._blocks.values()):
            outputs = block.evaluate(features)
            logits[block.rows] = outputs[..., 0]
            if outputs.shape[-1] > 1:
                severity[block.rows] = outputs[..., 1]
        return HeadOutputs(logits=logits, severity=severity)


class _Block:
    """Heads of one architecture, their weights side by side; `rows` are their places in the bank."""

    def __init__(self, architecture: _Architecture, expected: int) -> None:
        self.rows: list[int] = []
        most = max(1, BLOCK_BYTES // sum(4 * n_out * (n_in + 1) for (n_out, n_in), _ in architecture))
        # of equal size: a last block with a few heads would hold most of a huge page for nothing
        self._room = ceil(expected / ceil(expected / most)) if expected else most
        self._layers = tuple(
            (np.empty((self._room, *shape), np.float32), np.empty((self._room, 1, shape[0]), np.float32), activation)
            for shape, activation in architecture
        )

    @property
    def full(self) -> bool:
        return len(self.rows) == self._room

    def add(self, head: HeadFile, row: int) -> None:
        place = len(self.rows)
        for layer, (weights, biases, _) in zip(head.layers, self._layers, strict=True):
            weights[place], biases[place, 0] = layer.weight, layer.bias
        self.rows.append(row)

    def layers(self, place: int) -> tuple[Layer, ...]:
        """Return the layers of the head at `place`, read-only, in this block."""
        return tuple(
            Layer(weight=_read_only(weights[place]), bias=_read_only(biases[place, 0]), activation=activation)
            for weights, biases, activation in self._layers
        )

    def evaluate(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the outputs, (n, K, out), for features (K, in)."""
        values, n = features, len(self.rows)
        with np.errstate(over="ignore", invalid="ignore"):
            for weights, biases, activation in self._layers:
                values = _products(values, weights[:n])
                values += biases[:n]
                if activation == "relu":
                    np.maximum(values, 0, out=values)
                elif activation == "softmax_mixture":
                    values = _mixture(values)
        return values


def _products(values: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `values` (K, in) or (n, K, in) times each of n matrices (n, out, in), transposed: (n, K, out).

    In parts that BLAS does not share out: its threads would take all cores while they wait for the next product.
    """
    rows, (n, outs, width) = values.shape[-2], weights.shape
    step = SMALL_PRODUCT // max(rows * width, 1)
    step = step if step >= FEWEST_COLUMNS else outs
    made = np.empty((n, rows, outs), np.float32)
    for start in range(0, outs, step):
        # of stacked matrices NumPy makes one BLAS call each
        part = slice(start, start + step)
        np.matmul(values, weights[:, part].transpose(0, 2, 1), out=made[..., part])
    return made


def _mixture(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return sum softmax(z) s, (..., 1), of logits z and scores s side by side, (..., 2 C)."""
    logits, scores = np.split(values, 2, axis=-1)
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    mixed: NDArray[np.float32] = (weights * scores).sum(axis=-1, keepdims=True) / weights.sum(axis=-1, keepdims=True)
    return mixed


def _read_only(view: NDArray[np.float32]) -> NDArray[np.float32]:
    view.setflags(write=False)
    return view


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerRules:
    """How the raw outputs of N heads for the windows of an image become answers; arrays float64 and bool (N, 1).

    `quantiles` are those of the heads in the rows `by_quantile`, which answer with a quantile, not with the mean.
    """

    labels: tuple[str, ...]
    families: tuple[str, ...]
    scopes: tuple[Scope, ...]
    thresholds: tuple[float, ...]
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    has_severity: NDArray[np.bool_]
    by_quantile: NDArray[np.intp]
    quantiles: NDArray[np.float64]

    @classmethod
    def of(cls, heads: Sequence[HeadFile]) -> AnswerRules:
        pooled = {row: head.pooling.quantile for row, head in enumerate(heads) if head.pooling is not None}
        return cls(
            labels=tuple(head.label for head in heads),
            families=tuple(head.family for head in heads),
            scopes=tuple(head.scope for head in heads),
            thresholds=tuple(head.threshold.value for head in heads),
            scale=np.array([head.calibration.scale for head in heads], np.float64)[:, np.newaxis],
            offset=np.array([head.calibration.offset for head in heads], np.float64)[:, np.newaxis],
            has_severity=np.array(["severity" in head.outputs for head in heads], bool)[:, np.newaxis],
            by_quantile=np.array(list(pooled), np.intp),
            quantiles=np.array(list(pooled.values()), np.float64),
        )

    def answers(self, outputs: HeadOutputs) -> list[HeadResult]:
        """Return each head's answer (see `judge`). Raises `HeadTensorError` if one overflows."""
        found, overflowing = self.judge(outputs)
        if overflowing:
            raise HeadTensorError(f"{overflow_note(overflowing[0])}: remove it or train it again")
        return found

    def judge(self, outputs: HeadOutputs) -> tuple[list[HeadResult], tuple[str, ...]]:
        """Return the answers, computed in float64, and the labels of the heads that have none.

        The probability is the mean of the windows' calibrated ones, or the quantile that the head names; the severity
        is the mean of the windows' severities in [1, 5], weighted by their probabilities. A head has no answer if an
        output of it is no number, which means that its weights overflow.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            z = self.scale * outputs.logits.astype(np.float64) + self.offset
        levels = np.clip(outputs.severity.astype(np.float64), MIN_SEVERITY, MAX_SEVERITY)
        wrong = np.any(np.isnan(z) | (np.isnan(levels) & self.has_severity), axis=1)
        if wrong.any():
            z, levels = np.where(wrong[:, np.newaxis], 0.0, z), np.where(wrong[:, np.newaxis], MIN_SEVERITY, levels)
        windows = sigmoid(z)
        mean = windows.mean(axis=1)
        probability = mean.copy()
        probability[self.by_quantile] = quantiles(windows[self.by_quantile], self.quantiles)
        # where every probability underflows to 0, all windows count alike
        weights = np.where(mean[:, np.newaxis] > 0, windows, 1.0)
        level = np.clip((weights * levels).sum(axis=1) / weights.sum(axis=1), MIN_SEVERITY, MAX_SEVERITY)
        # by columns, for the heads themselves lie far apart in memory
        columns = (probability.tolist(), self.thresholds, level.tolist(), self.has_severity[:, 0].tolist())
        found = self._results(columns)
        if not wrong.any():
            return found, ()
        return (
            [answer for answer, is_wrong in zip(found, wrong, strict=True) if not is_wrong],
            tuple(label for label, is_wrong in zip(self.labels, wrong, strict=True) if is_wrong),
        )

    def _results(self, columns: Sequence[Sequence[Any]]) -> list[HeadResult]:
        """Return an answer per row of probabilities, thresholds, severities, and whether there is one."""
        return [
            HeadResult(
                label=label,
                family=family,
                probability=p,
                threshold=threshold,
                present=p >= threshold,
                severity=severity if has_severity else None,
                scope=scope,
            )
            for label, family, scope, p, threshold, severity, has_severity in zip(
                self.labels, self.families, self.scopes, *columns, strict=True
            )
        ]


def overflow_note(label: str) -> str:
    """Return why a head has no answer."""
    return f"head {label!r} overflows on this image"


def quantiles(values: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return of each row of `values` (N, K) the quantile named in `q` (N,), between neighbours by a straight line."""
    ordered = np.sort(values, axis=1)
    place = q * (ordered.shape[1] - 1)
    below = np.floor(place).astype(np.intp)
    rows, above = np.arange(len(ordered)), np.minimum(below + 1, ordered.shape[1] - 1)
    low, high = ordered[rows, below], ordered[rows, above]
    found: NDArray[np.float64] = np.minimum(low + (high - low) * (place - below), high)
    return found


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-z)), without overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)


def _architecture(head: HeadFile) -> _Architecture:
    return tuple(((len(layer.weight), layer.weight.shape[1]), layer.activation) for layer in head.layers)
