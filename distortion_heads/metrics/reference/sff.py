"""Sparse feature fidelity (Chang, Yang, Gan, Wang 2013), from its published formulas.

Eight filters learnt from natural pictures by independent component analysis see what a visual cortex sees first; they
are compared where the distortion is, and so is luminance. The filters are our own, learnt from this project's clean
pictures by `scripts/statistics`.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from distortion_heads.metrics.reference.metric import Pixels, ReferenceMetric

SIDE, FILTERS = 8, 8
NUMBERS = SIDE * SIDE * 3
FEATURE_WEIGHT, LUMINANCE_WEIGHT = 0.2, 0.8
FEATURE_FLOOR, LUMINANCE_FLOOR = 0.04, 0.001
ACTIVE = 0.4
"""Share of the mean power of all blocks that a block must have to be compared."""


def sff(reference: Pixels, distorted: Pixels, detector: NDArray[np.float64] | None = None) -> float:
    """Return the fidelity, 1 for equal pictures; `detector` float (8, 192), by default the one that ships."""
    filters = load_detector() if detector is None else detector
    (x, x_mean), (y, y_mean) = _centred(blocks(reference)), _centred(blocks(distorted))
    return FEATURE_WEIGHT * _features(x, y, filters) + LUMINANCE_WEIGHT * _luminance(x_mean, y_mean)


def blocks(pixels: Pixels) -> NDArray[np.float64]:
    """Return the blocks of 8x8 that do not overlap, float64 (n, 192): columns of a channel after each other.

    As in the authors' program the last block of a side that is a multiple of 8 is left out.
    """
    rows, columns = ((side - 1) // SIDE for side in pixels.shape[:2])
    cut = pixels[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE, 3)
    return cut.transpose(0, 2, 4, 3, 1).reshape(-1, NUMBERS).astype(np.float64)


def _centred(block: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = block.mean(1)
    return block - mean[:, None], mean


def _features(x: NDArray[np.float64], y: NDArray[np.float64], filters: NDArray[np.float64]) -> float:
    change = np.abs(x - y).mean(1)
    kept = change >= np.median(change)
    a, b = x[kept] @ filters.T, y[kept] @ filters.T
    power = (a**2).sum(1)
    active = power > ACTIVE * power.mean()
    a, b = (a[active], b[active]) if active.any() else (a, b)
    return float(((2 * a * b + 2 * FEATURE_FLOOR) / (a**2 + b**2 + 2 * FEATURE_FLOOR)).mean())


def _luminance(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    change = np.abs(x - y)
    kept = change >= np.median(change)
    a, b = (mean[kept] - mean[kept].mean() for mean in (x, y))
    return float(((a * b).sum() + LUMINANCE_FLOOR) / (np.sqrt((a**2).sum() * (b**2).sum()) + LUMINANCE_FLOOR))


def load_detector() -> NDArray[np.float64]:
    """Return the filters that ship, float64 (8, 192)."""
    from safetensors.numpy import load

    data = (files("distortion_heads.metrics.reference") / "sff.safetensors").read_bytes()
    return np.asarray(load(data)["detector"], np.float64)


def learn_detector(pictures: Iterable[Pixels], each: int, seed: int = 0) -> NDArray[np.float64]:
    """Learn the filters, float64 (8, 192), from `each` random blocks of every picture, uint8 (H, W, 3).

    The eight largest principal components, whitened, then symmetric FastICA with tanh (Hyvarinen 1999).
    """
    from sklearn.decomposition import FastICA

    rng = np.random.default_rng(seed)
    found = []
    for pixels in pictures:
        for _ in range(each):
            top, left = (int(rng.integers(side - SIDE + 1)) for side in pixels.shape[:2])
            found.append(pixels[top : top + SIDE, left : left + SIDE].transpose(2, 1, 0).reshape(-1))
    block, _ = _centred(np.array(found, np.float64))
    analysis = FastICA(FILTERS, algorithm="parallel", fun="logcosh", whiten="unit-variance", max_iter=2000, tol=1e-8,
                       random_state=seed)  # fmt: skip
    return np.asarray(analysis.fit(block).components_, np.float64)


SFF = ReferenceMetric(
    name="sff",
    title="SFF",
    best=1.0,
    worst=0.0,
    least=32,
    color=True,
    source="Chang et al. 2013",
    score=sff,
)
