"""Fit a head of quality: a small perceptron on the windows of pictures, whose mean is held against people's opinion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads.head import Layer
from distortion_heads.training.features.examples import Examples
from distortion_heads.training.heads.fit_layers import MANY, AdamW, Perceptron, Recipe
from distortion_heads.training.heads.whitening import Whitening

HIDDEN, HIDDEN_FULL = 64, 128
"""Units of a head that reads windows alone, and of one that reads the picture as a whole beside each."""

BETA = 0.3
"""Error, in steps of the scale, from which on it counts by its size and no longer by its square."""

RANK_WEIGHT, LEAST_MARGIN, MOST_MARGIN = 1.5, 0.03, 0.3
"""Within a series a worse picture must lie lower by half of what the targets differ by, between these margins."""

BEST_WEIGHT = 3.0
"""How much the best picture of a series counts: a good picture must not be taken for a bad one."""

FEWEST_STEPS, MOST_STEPS = 400, 16_000
EPOCHS_OF_MANY, EPOCHS_OF_FEW = 60, 60
WHOLE_DROPOUT = 128
"""Features of the picture as a whole that are left out of 256: they know the scene too well."""

_FEW = Recipe(batch=64, rate=3e-3, decay=2.0, dropout=77)
_MANY = Recipe(batch=100, rate=3e-3, decay=0.05, dropout=26)

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rated:
    """n pictures with their opinions: windows (W, dim), `starts` int64 (n + 1,), `target` float32 (n,), high is good.

    `whole` (n, width) are features of each picture as a whole, or None. Every `series` pictures after each other are
    one, the best first; 1 where there are none.
    """

    windows: NDArray[Any]
    starts: NDArray[np.int64]
    target: Array
    whole: NDArray[Any] | None = None
    series: int = 1

    def __len__(self) -> int:
        return len(self.target)

    def take(self, pictures: NDArray[np.int64]) -> Rated:
        """Return these pictures, in that order."""
        counts = self.starts[pictures + 1] - self.starts[pictures]
        return Rated(
            windows=np.concatenate([self.windows[self.starts[i] : self.starts[i + 1]] for i in pictures]),
            starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            target=self.target[pictures],
            whole=None if self.whole is None else self.whole[pictures],
            series=self.series,
        )

    def features(self, picture: int) -> Array:
        """Return what a head reads of a picture: its windows, each followed by what is known of the whole."""
        windows = np.asarray(self.windows[self.starts[picture] : self.starts[picture + 1]], np.float32)
        if self.whole is None:
            return windows
        whole = np.asarray(self.whole[picture], np.float32)
        return np.concatenate([windows, np.broadcast_to(whole, (len(windows), len(whole)))], axis=1)


def fit_quality(rated: Rated, *, seed: int) -> tuple[Layer, Layer]:
    """Fit features -> hidden units -> 1; deterministic in `seed`.

    Smooth L1 on the mean of the windows, and a hinge on neighbours in a series (RankIQA, Liu et al. 2017). AdamW with
    dropout on the features, which are partly whitened where few pictures are seen by windows alone. The layers read
    them as they are.
    """
    rng = np.random.default_rng(seed)
    if rated.whole is not None or len(rated) >= MANY // 4:
        return _fit(rated, _MANY, EPOCHS_OF_MANY, rng)
    whitening = Whitening.of(_in_two_classes(rated))
    first, last = _fit(replace(rated, windows=whitening.apply(rated.windows)), _FEW, EPOCHS_OF_FEW, rng)
    return whitening.absorbed(first), last


def _in_two_classes(rated: Rated) -> Examples:
    return Examples(
        windows=rated.windows,
        starts=rated.starts,
        labels=rated.target > np.median(rated.target),
        severity=np.full(len(rated), np.nan, np.float32),
        clean=np.zeros(len(rated), bool),
    )


def _fit(rated: Rated, recipe: Recipe, epochs: int, rng: np.random.Generator) -> tuple[Layer, Layer]:
    net = _started(rated, rng)
    groups = len(rated) // rated.series
    batch = max(min(recipe.batch // rated.series, groups), 1)
    steps = int(np.clip(epochs * groups / batch, FEWEST_STEPS, MOST_STEPS))
    optimizer = AdamW(net.parameters, steps, recipe)
    order = np.empty(0, np.int64)
    for _ in range(steps):
        if len(order) < batch:
            order = rng.permutation(groups)
        chosen, order = order[:batch], order[batch:]
        part = rated.take((chosen[:, np.newaxis] * rated.series + np.arange(rated.series)).ravel())
        part = replace(part, windows=_dropped(part.windows, recipe.dropout, rng))
        if part.whole is not None:
            part = replace(part, whole=_dropped(part.whole, WHOLE_DROPOUT, rng))
        optimizer.step(_gradients(net, part))
    return net.layers()


def _started(rated: Rated, rng: np.random.Generator) -> Perceptron:
    """Draw a perceptron that reads `Rated.features` and says the mean of the targets."""
    dim, width = rated.windows.shape[1], 0 if rated.whole is None else rated.whole.shape[1]
    net = Perceptron.random(dim + width, HIDDEN_FULL if width else HIDDEN, 1, rng)
    net.parameters[-1][:] = rated.target.mean()
    return net


def _dropped(features: NDArray[Any], dropout: int, rng: np.random.Generator) -> Array:
    """Return float32 features of which `dropout` in 256 are 0 and the others larger in proportion."""
    x = features.astype(np.float32)
    kept = np.frombuffer(rng.bytes(x.size), np.uint8) >= dropout
    x *= kept.reshape(x.shape) * np.float32(256 / (256 - dropout))
    return x


def _gradients(net: Perceptron, part: Rated) -> tuple[Array, ...]:
    """Return the gradients by `net.parameters` of the loss of a batch.

    As `Perceptron.gradients` of the windows, each followed by the whole, whose share is computed once for a picture.
    """
    weight, bias, last, middle = net.parameters
    dim, counts, first = part.windows.shape[1], np.diff(part.starts), part.starts[:-1]
    share = (1 / counts).astype(np.float32)[:, np.newaxis]
    whole = np.zeros((len(part), 0), np.float32) if part.whole is None else part.whole
    known = np.repeat(whole @ weight[dim:] + bias, counts, axis=0)
    seen = np.maximum(part.windows @ weight[:dim] + known, 0)
    hidden = np.add.reduceat(seen, first) * share
    slope = _slope((hidden @ last + middle)[:, 0], part).astype(np.float32)[:, np.newaxis]
    back = np.repeat(slope @ last.T * share, counts, axis=0) * (seen > 0)
    by_picture = np.add.reduceat(back, first)
    by_weight = np.concatenate([part.windows.T @ back, whole.T @ by_picture])
    return by_weight, by_picture.sum(0), hidden.T @ slope, slope.sum(0)


def _slope(quality: NDArray[Any], part: Rated) -> NDArray[np.float64]:
    """Return the derivative of the loss by the qualities of a batch."""
    slope: NDArray[np.float64] = np.clip((quality - part.target) / BETA, -1, 1) / len(quality)
    if part.series > 1:
        slope[:: part.series] *= BEST_WEIGHT
        found, wanted = (values.reshape(-1, part.series) for values in (quality, part.target))
        margin = np.clip((wanted[:, :-1] - wanted[:, 1:]) / 2, LEAST_MARGIN, MOST_MARGIN)
        broken = RANK_WEIGHT * ((found[:, :-1] - found[:, 1:]) < margin) / margin.size
        pairs = slope.reshape(-1, part.series)
        pairs[:, :-1] -= broken
        pairs[:, 1:] += broken
    return slope
