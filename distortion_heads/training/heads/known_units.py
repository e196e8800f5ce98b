"""Units of heads of families to begin a head of quality with: they know already what faults look like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads.head import HeadFile, Layer

LOOKED_AT = 4000
"""Most feature vectors on which units are compared."""


def telling_units(heads: Sequence[HeadFile], features: NDArray[Any], count: int) -> Layer | None:
    """Return the `count` hidden units that say most, as many of each head, of heads that read `features` (n, dim).

    A unit says as much as its output varies, times its weights in presence and severity. None without heads.
    """
    if not heads:
        return None
    every = max(1, len(features) // LOOKED_AT)
    seen = np.asarray(features[::every], np.float32)
    weights, biases = [], []
    for head, share in zip(heads, _shares(count, len(heads)), strict=True):
        first, last = head.layers[0], head.layers[-1]
        varies = np.maximum(seen @ first.weight.T + first.bias, 0).std(axis=0)
        chosen = np.argsort(-varies * np.abs(last.weight).sum(axis=0), kind="stable")[:share]
        scale = np.maximum(varies[chosen], 1e-6)[:, np.newaxis]
        weights.append(first.weight[chosen] / scale)
        biases.append(first.bias[chosen] / scale[:, 0])
    return Layer(weight=np.concatenate(weights), bias=np.concatenate(biases), activation="relu")


def _shares(count: int, heads: int) -> list[int]:
    return [count // heads + (place < count % heads) for place in range(heads)]
