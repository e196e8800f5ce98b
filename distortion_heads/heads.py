"""Features -> outputs: all heads in one batched evaluation, and windows -> image (Ameur et al. 2022, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.errors import HeadTensorError
from distortion_heads.spec import MAX_SEVERITY, MIN_SEVERITY, HeadFile


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
        """Raises `ValueError` if the heads differ in `backbone.dim`."""
        self.heads = tuple(heads)
        self._dims = {head.backbone.dim for head in self.heads}
        if len(self._dims) > 1:
            raise ValueError(f"heads of one bank read features of different lengths: {sorted(self._dims)}")
        rows: dict[tuple[object, ...], list[int]] = {}
        for row, head in enumerate(self.heads):
            rows.setdefault(_architecture(head), []).append(row)
        self._groups = tuple(_Group([self.heads[row] for row in members], members) for members in rows.values())

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
    """The heads of one architecture; `rows` are their places in the bank."""

    def __init__(self, heads: Sequence[HeadFile], rows: list[int]) -> None:
        self.rows = rows
        self._layers = tuple(
            (
                np.stack([np.ascontiguousarray(layer.weight.T, np.float32) for layer in layers]),
                np.stack([np.asarray(layer.bias, np.float32)[np.newaxis] for layer in layers]),
                layers[0].activation,
            )
            for layers in zip(*(head.layers for head in heads), strict=True)
        )

    def evaluate(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(K, in) -> (n, K, out)."""
        values = np.broadcast_to(features, (len(self.rows), *features.shape))
        with np.errstate(over="ignore", invalid="ignore"):
            for weight, bias, activation in self._layers:
                values = np.matmul(values, weight)
                values += bias
                if activation == "relu":
                    np.maximum(values, 0, out=values)
        return values


def aggregate(head: HeadFile, logits: NDArray[np.float32], severity: NDArray[np.float32]) -> tuple[float, float | None]:
    """Return the image's `(probability, severity)` from its windows' raw outputs, each float32 (K,), K >= 1.

    The probability in [0, 1] is the mean of the windows' calibrated ones. The severity in [1, 5] is the mean of the
    windows' severities, weighted by their probabilities; None where the head has no such output. Computed in float64.
    Raises `HeadTensorError` if an output is no number, which means that the head's weights overflow.
    """
    has_severity = "severity" in head.outputs
    with np.errstate(over="ignore", invalid="ignore"):
        z = np.float64(head.calibration.scale) * np.asarray(logits, np.float64) + head.calibration.offset
    levels = np.clip(np.asarray(severity, np.float64), MIN_SEVERITY, MAX_SEVERITY)
    if np.isnan(z).any() or (has_severity and np.isnan(levels).any()):
        raise HeadTensorError(f"head {head.label!r} overflows on this image: remove it or train it again")
    probabilities = sigmoid(z)
    probability = float(probabilities.mean())
    if not has_severity:
        return probability, None
    # Where every probability underflows to 0, all windows count alike.
    weights = probabilities if probability > 0 else np.ones_like(probabilities)
    level = float((weights * levels).sum() / weights.sum())
    return probability, min(max(level, MIN_SEVERITY), MAX_SEVERITY)


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-z)), without overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)


def _architecture(head: HeadFile) -> tuple[object, ...]:
    return tuple((layer.weight.shape, layer.activation) for layer in head.layers)
