"""Fit one head, a small perceptron, on frozen features: seconds on a CPU, in NumPy, for `import torch` takes longer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads.bank import sigmoid
from distortion_heads.heads.head import Layer
from distortion_heads.training.features.examples import Examples
from distortion_heads.training.heads.whitening import Whitening

HIDDEN = 32
EPOCHS, MIN_STEPS, MAX_STEPS = 40, 300, 6000
SEVERITY_WEIGHT, SEVERITY_BETA = 0.3, 0.5

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to fit: the highest `rate`, `decay` of the weights times the rate, features left out of 256 (`dropout`).

    `stretch` multiplies `MAX_STEPS`.
    """

    batch: int
    rate: float
    decay: float
    dropout: int
    stretch: int = 1


MANY = 10_000
"""Pictures from which on plain descent finds weak evidence too, and strong regularisation costs more than it saves."""

MOST = 40_000
"""Pictures from which on there is more to learn than joint training has found, in longer and larger strides."""

_FEW_PICTURES = Recipe(batch=128, rate=3e-3, decay=2.0, dropout=102)
_MANY_PICTURES = Recipe(batch=512, rate=5e-4, decay=0.05, dropout=51)
"""Small steps: layers that joint training has fitted well lose by large ones."""

_MOST_PICTURES = Recipe(batch=512, rate=1e-3, decay=0.05, dropout=26, stretch=2)


def fit_layers(
    examples: Examples,
    *,
    with_severity: bool,
    seed: int,
    start: tuple[Layer, Layer] | None = None,
    whitened: bool = True,
    hidden: int = HIDDEN,
    most_steps: int | None = None,
) -> tuple[Layer, Layer]:
    """Fit dim -> `hidden` -> (presence[, severity]) on windows that carry their image's label; deterministic in `seed`.

    Both classes count alike; severity is fitted where it is known. `start` goes on from the layers of joint training.
    AdamW (Loshchilov, Hutter 2019), `most_steps` of it if that is given, with dropout on the features, which are partly
    whitened if `whitened`, where there is no `start` and fewer than `MANY` pictures. The float32 layers read the
    features as they are.
    """
    rng = np.random.default_rng(seed)
    outputs = 2 if with_severity else 1
    head = (
        Perceptron.random(examples.windows.shape[1], hidden, outputs, rng) if start is None else Perceptron.of(*start)
    )
    targets = _Targets.of(examples, with_severity)
    if start is not None or len(examples) >= MANY or not whitened:
        recipe = _MANY_PICTURES if start is not None or len(examples) < MOST else _MOST_PICTURES
        return _fit(head, examples.windows, targets, recipe, rng, most_steps)
    whitening = Whitening.of(examples)
    first, last = _fit(head, whitening.apply(examples.windows), targets, _FEW_PICTURES, rng)
    return whitening.absorbed(first), last


def _fit(
    head: Perceptron,
    windows: NDArray[Any],
    targets: _Targets,
    recipe: Recipe,
    rng: np.random.Generator,
    most_steps: int | None = None,
) -> tuple[Layer, Layer]:
    most = most_steps or recipe.stretch * MAX_STEPS
    steps = int(np.clip(EPOCHS * len(windows) / recipe.batch, MIN_STEPS, most))
    descend(head, windows, targets, recipe, steps, rng)
    return head.layers()


class Targets(Protocol):
    """Say how the loss of a perceptron falls."""

    def gradient(self, out: Array, batch: NDArray[np.int64]) -> Array:
        """Return the slope of the loss by the outputs (n, outputs) of the rows `batch`."""
        ...


def descend(
    head: Perceptron, windows: NDArray[Any], targets: Targets, recipe: Recipe, steps: int, rng: np.random.Generator
) -> None:
    """Fit a perceptron, in place, to the `targets` of `windows` (n, dim); the same `rng`, the same fit."""
    optimizer = AdamW(head.parameters, steps, recipe)
    order = np.empty(0, np.int64)
    scale = np.float32(256 / (256 - recipe.dropout))
    for _ in range(steps):
        if len(order) < min(recipe.batch, len(windows)):
            order = rng.permutation(len(windows))
        batch, order = np.sort(order[: recipe.batch]), order[recipe.batch :]
        x = windows[batch].astype(np.float32, copy=False)
        kept = np.frombuffer(rng.bytes(x.size), np.uint8) >= recipe.dropout  # numbers would take three times as long
        x *= kept.reshape(x.shape) * scale
        hidden, out = head.forward(x)
        optimizer.step(head.gradients(x, hidden, targets.gradient(out, batch)))


@dataclass(frozen=True, eq=False)
class Perceptron:
    """The map relu(x @ first + first_bias) @ last + last_bias; the arrays are updated in place."""

    parameters: tuple[Array, Array, Array, Array]

    @classmethod
    def random(cls, dim: int, hidden: int, outputs: int, rng: np.random.Generator) -> Perceptron:
        """Draw small weights, which generalise from few pictures; the severity starts at 3."""
        first = rng.standard_normal((dim, hidden), dtype=np.float32) * np.float32(np.sqrt(1 / (3 * dim)))
        last = rng.standard_normal((hidden, outputs), dtype=np.float32) * np.float32(np.sqrt(1 / (3 * hidden)))
        bias = np.zeros(outputs, np.float32)
        bias[1:2] = 3.0
        return cls((first, np.zeros(hidden, np.float32), last, bias))

    @classmethod
    def of(cls, first: Layer, last: Layer) -> Perceptron:
        return cls((first.weight.T.copy(), first.bias.copy(), last.weight.T.copy(), last.bias.copy()))

    def forward(self, x: Array) -> tuple[Array, Array]:
        first, first_bias, last, last_bias = self.parameters
        hidden = np.maximum(x @ first + first_bias, 0)
        return hidden, hidden @ last + last_bias

    def gradients(self, x: Array, hidden: Array, slope: Array) -> tuple[Array, ...]:
        """Return the gradients by `parameters` of the loss whose derivative by the outputs is `slope`."""
        into_hidden = (slope @ self.parameters[2].T) * (hidden > 0)
        return x.T @ into_hidden, into_hidden.sum(0), hidden.T @ slope, slope.sum(0)

    def layers(self) -> tuple[Layer, Layer]:
        first, first_bias, last, last_bias = self.parameters
        return (
            Layer(weight=np.ascontiguousarray(first.T), bias=first_bias, activation="relu"),
            Layer(weight=np.ascontiguousarray(last.T), bias=last_bias, activation="identity"),
        )


@dataclass(frozen=True, eq=False)
class _Targets:
    """Per window: presence, its weight, and the severity (NaN where unknown)."""

    present: Array
    weight: Array
    severity: Array
    with_severity: bool

    @classmethod
    def of(cls, examples: Examples, with_severity: bool) -> _Targets:
        owner = examples.owner
        severity = np.where(examples.labels, examples.severity, np.float32(np.nan))[owner]
        return cls(examples.labels[owner].astype(np.float32), _balance(examples, owner), severity, with_severity)

    def gradient(self, out: Array, batch: NDArray[np.int64]) -> Array:
        """Return the slope of weighted binary cross-entropy, plus smooth L1 on the severities that are known."""
        slope = np.zeros_like(out)
        error = sigmoid(out[:, 0].astype(np.float64)) - self.present[batch]
        slope[:, 0] = self.weight[batch] * error / len(batch)
        if self.with_severity:
            miss = np.clip((out[:, 1] - self.severity[batch]) / SEVERITY_BETA, -1, 1)
            known = np.isfinite(miss)
            slope[known, 1] = SEVERITY_WEIGHT * miss[known] / max(int(known.sum()), 1)
        return slope


def _balance(examples: Examples, owner: NDArray[np.int64]) -> Array:
    """Return a weight per window, of mean 1, by which images count alike, and both classes too."""
    positive = max(int(examples.labels.sum()), 1)
    negative = max(len(examples) - positive, 1)
    per_image = np.where(examples.labels, 1 / positive, 1 / negative) / np.diff(examples.starts)
    weight = per_image[owner]
    balanced: Array = (weight / weight.mean()).astype(np.float32)
    return balanced


class AdamW:
    """Updates arrays in place; the rate warms up over a tenth of the steps, then follows half a cosine."""

    def __init__(self, parameters: tuple[Array, ...], steps: int, recipe: Recipe) -> None:
        self._parameters, self._steps, self._recipe, self._done = parameters, steps, recipe, 0
        self._mean = [np.zeros_like(p) for p in parameters]
        self._square = [np.zeros_like(p) for p in parameters]

    def step(self, gradients: tuple[Array, ...], first: float = 0.9, second: float = 0.999) -> None:
        rate = self._rate()
        self._done += 1
        for p, g, mean, square in zip(self._parameters, gradients, self._mean, self._square, strict=True):
            mean += np.float32(1 - first) * (g - mean)
            square += np.float32(1 - second) * (g * g - square)
            unbiased = np.sqrt(square / np.float32(1 - second**self._done)) + np.float32(1e-8)
            if p.ndim > 1:
                p *= np.float32(1 - rate * self._recipe.decay)
            p -= np.float32(rate / (1 - first**self._done)) * mean / unbiased

    def _rate(self) -> float:
        warmup = self._steps / 10
        if self._done < warmup:
            return self._recipe.rate * (self._done + 1) / warmup
        share = (self._done - warmup) / (self._steps - warmup)
        return self._recipe.rate * 0.5 * (1 + float(np.cos(np.pi * share)))
