"""Peak signal-to-noise ratio, the oldest of all."""

from __future__ import annotations

import numpy as np

from distortion_heads.metrics.reference.metric import Pixels, ReferenceMetric

MOST = 100.0
"""Decibels of equal pictures, which would be infinitely many."""


def psnr(reference: Pixels, distorted: Pixels) -> float:
    """Return 10 log10(255^2 / MSE) in decibels over all pixels and channels, `MOST` at most."""
    error = float(np.mean((reference.astype(np.float64) - distorted) ** 2))
    return MOST if error == 0 else min(MOST, 10 * float(np.log10(255**2 / error)))


PSNR = ReferenceMetric(
    name="psnr",
    title="PSNR",
    best=MOST,
    worst=0.0,
    least=1,
    color=True,
    source="mean squared error, in decibels below 255",
    score=psnr,
)
