"""Decorrelate the features of a frozen backbone, so that a head learns in few steps from few pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads.head import Layer
from distortion_heads.training.features.examples import Examples

MAX_SAMPLE = 16_384
"""Most windows from which the covariance is estimated."""

EXPONENT = 0.2
"""Standard deviations s along the principal axes become s ** (1 - 2 * EXPONENT): at 0.5 all would be equal."""

CAUTION, MIN_SHRINKAGE = 3.0, 1e-3
"""Shrinkage in units of Ledoit's and Wolf's, which is best for the covariance, not for learning; and its least."""

BLOCK = 4096

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Whitening:
    """The map (x - mean) @ matrix; `mean` (dim,), `matrix` (dim, dim), symmetric."""

    mean: Array
    matrix: Array

    @classmethod
    def of(cls, examples: Examples) -> Whitening:
        """Return the map by a small power of the inverse covariance within the classes.

        Levels of a backbone are nearly alike, and weak evidence lies in their small differences, which plain descent
        hardly reaches; but fully whitened, few pictures have more noise than evidence.
        """
        every = max(1, -(-len(examples.windows) // MAX_SAMPLE))
        x = examples.windows[::every].astype(np.float32)
        present = examples.labels[examples.owner[::every]]
        mean = x.mean(0)
        for part in (present, ~present):
            if part.any():
                x[part] -= x[part].mean(0)
        values, vectors = np.linalg.eigh(_shrunk_covariance(x, len(examples)))
        roots = np.maximum(values, np.finfo(np.float32).tiny) ** EXPONENT
        return cls(mean=mean, matrix=(vectors / roots) @ vectors.T)

    def apply(self, windows: NDArray[Any]) -> Array:
        """Return the whitened windows, float32 (W, dim)."""
        out = np.empty(windows.shape, np.float32)
        for start in range(0, len(windows), BLOCK):
            block = slice(start, start + BLOCK)
            out[block] = (windows[block].astype(np.float32) - self.mean) @ self.matrix
        return out

    def absorbed(self, layer: Layer) -> Layer:
        """Return the layer that does to features what `layer` does to whitened ones."""
        weight: Array = layer.weight @ self.matrix  # which is symmetric
        shift: Array = weight @ self.mean
        return replace(layer, weight=weight, bias=layer.bias - shift)


def _shrunk_covariance(x: Array, images: int) -> Array:
    """Return the covariance of centred `x` (n, dim), shrunk to a multiple of the identity (Ledoit, Wolf 2004).

    The windows of one image count as one observation, as they are far from independent.
    """
    n, dim = x.shape
    covariance = x.T @ x / np.float32(n)
    identity = np.eye(dim, dtype=np.float32)
    mean = float(np.trace(covariance)) / dim or 1.0  # nothing varies: nothing is whitened
    distance = float(np.square(covariance - mean * identity).sum())
    error = float(np.square(np.square(x).sum(1)).mean() - np.square(covariance).sum()) / min(n, images)
    shrinkage = float(np.clip(CAUTION * error / max(distance, 1e-12 * mean**2), MIN_SHRINKAGE, 1))
    shrunk: Array = (1 - shrinkage) * covariance + np.float32(shrinkage * mean) * identity
    return shrunk
