"""Features -> outputs: all heads in one batched evaluation, and windows -> image (Ameur et al. 2022, section 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.errors import HeadTensorError
from distortion_heads.spec import MAX_SEVERITY, MIN_SEVERITY, HeadFile, width_of


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadOutputs:
    """Raw outputs of N heads for K windows: float32 (N, K) each; `severity` is NaN where a head has none."""

    logits: NDArray[np.float32]
    severity: NDArray[np.float32]


class HeadBank:
    """N heads that read the same features, stacked by identical layer shapes. Immutable, hence thread-safe.

    Each head is a matrix product of its own, of a shape that depends on that head and on K alone. So its outputs are
    bit for bit the same whatever other heads are attached; one wide product over all heads would not grant that, as
    BLAS chooses its summation by shape.
    """

    def __init__(self, heads: Sequence[HeadFile]) -> None:
        """Raises `ValueError` if the heads read vectors of different lengths."""
        self.heads = tuple(heads)
        self._dims = {width_of(head.view, head.backbone.dim) for head in self.heads}
        if len(self._dims) > 1:
            raise ValueError(f"heads of one bank read features of different lengths: {sorted(self._dims)}")
        rows: dict[tuple[object, ...], list[int]] = {}
        for row, head in enumerate(self.heads):
            rows.setdefault(_architecture(head), []).append(row)
        self._groups = tuple(_Group([self.heads[row] for row in members], members) for members in rows.values())
        self._rules = _Rules.of(self.heads)

    def answers(self, features: NDArray[np.float32]) -> Iterator[tuple[HeadFile, float, float | None]]:
        """Each head with the image's probability and severity, from the features of its windows, (K, dim), K >= 1.

        The same as `aggregate` on each row of `evaluate`, bit for bit, for all heads at once. Raises what they raise.
        """
        outputs = self.evaluate(features)
        probability, severity = self._rules.apply(outputs.logits, outputs.severity)
        for head, p, level in zip(self.heads, probability.tolist(), severity.tolist(), strict=True):
            yield head, p, level if "severity" in head.outputs else None

    def evaluate(self, features: NDArray[np.float32]) -> HeadOutputs:
        """Return the outputs for `features`, float32 (K, dim), in the order of the heads. Raises `ValueError`."""
        features = np.ascontiguousarray(features, np.float32)
        if features.ndim != 2 or not self._dims <= {features.shape[1]}:
            raise ValueError(f"features have the shape {features.shape}, not (K, {min(self._dims, default='dim')})")
        logits = np.empty((len(self.heads), len(features)), np.float32)
        severity = np.full_like(logits, np.nan)
        for group in self._groups:
            outputs = group.evaluate(features)
            logits[group.rows] = outputs[..., 0]
            if outputs.shape[-1] > 1:
                severity[group.rows] = outputs[..., 1]
        return HeadOutputs(logits=logits, severity=severity)


class _Group:
    """The heads of one architecture; `rows` are their places in the bank.

    The matrices stay where the heads have them, since a copy would double the memory; the biases are stacked.
    """

    def __init__(self, heads: Sequence[HeadFile], rows: list[int]) -> None:
        self.rows = rows
        self._layers = tuple(
            (
                tuple(_constant(layer.weight).T for layer in layers),
                np.stack([np.asarray(layer.bias, np.float32)[np.newaxis] for layer in layers]),
                layers[0].activation,
            )
            for layers in zip(*(head.layers for head in heads), strict=True)
        )

    def evaluate(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(K, in) -> (n, K, out)."""
        values: Sequence[NDArray[np.float32]] | NDArray[np.float32] = (features,) * len(self.rows)
        with np.errstate(over="ignore", invalid="ignore"):
            for weights, biases, activation in self._layers:
                products = np.empty((len(weights), len(features), biases.shape[-1]), np.float32)
                for value, weight, product in zip(values, weights, products, strict=True):
                    np.matmul(value, weight, out=product)
                products += biases
                if activation == "relu":
                    np.maximum(products, 0, out=products)
                values = products
        return np.asarray(values)


def _constant(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """`weight` itself if nobody can change it, as in a head that was read from a file; else a copy."""
    own = np.ascontiguousarray(weight, np.float32)
    return own.copy() if own.flags.writeable else own


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rules:
    """What turns the raw outputs of N heads into answers; float64 and bool (N, 1)."""

    labels: tuple[str, ...]
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    has_severity: NDArray[np.bool_]

    @classmethod
    def of(cls, heads: Sequence[HeadFile]) -> _Rules:
        return cls(
            labels=tuple(head.label for head in heads),
            scale=np.array([head.calibration.scale for head in heads], np.float64)[:, np.newaxis],
            offset=np.array([head.calibration.offset for head in heads], np.float64)[:, np.newaxis],
            has_severity=np.array(["severity" in head.outputs for head in heads], bool)[:, np.newaxis],
        )

    def apply(
        self, logits: NDArray[np.float32], severity: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(N, K) each -> (N,) each, see `aggregate`; the severity of a head without that output means nothing."""
        with np.errstate(over="ignore", invalid="ignore"):
            z = self.scale * logits.astype(np.float64) + self.offset
        levels = np.clip(severity.astype(np.float64), MIN_SEVERITY, MAX_SEVERITY)
        wrong = (np.isnan(z) | (np.isnan(levels) & self.has_severity)).any(axis=1)
        if wrong.any():
            label = self.labels[int(wrong.argmax())]
            raise HeadTensorError(f"head {label!r} overflows on this image: remove it or train it again")
        windows = sigmoid(z)
        probability = windows.mean(axis=1)
        # Where every probability underflows to 0, all windows count alike.
        weights = np.where(probability[:, np.newaxis] > 0, windows, 1.0)
        level = (weights * levels).sum(axis=1) / weights.sum(axis=1)
        return probability, np.clip(level, MIN_SEVERITY, MAX_SEVERITY)


def aggregate(head: HeadFile, logits: NDArray[np.float32], severity: NDArray[np.float32]) -> tuple[float, float | None]:
    """Return the image's `(probability, severity)` from its windows' raw outputs, each float32 (K,), K >= 1.

    The probability in [0, 1] is the mean of the windows' calibrated ones. The severity in [1, 5] is the mean of the
    windows' severities, weighted by their probabilities; None where the head has no such output. Computed in float64.
    Raises `HeadTensorError` if an output is no number, which means that the head's weights overflow.
    """
    rules = _Rules.of([head])
    probability, level = rules.apply(np.asarray(logits)[np.newaxis], np.asarray(severity)[np.newaxis])
    return float(probability[0]), float(level[0]) if "severity" in head.outputs else None


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-z)), without overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)


def _architecture(head: HeadFile) -> tuple[object, ...]:
    return tuple((layer.weight.shape, layer.activation) for layer in head.layers)
