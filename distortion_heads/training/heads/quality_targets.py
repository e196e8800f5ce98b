"""Targets for self-distorted pictures: people's means by physical strength, and what is seen in this very picture.

Half of a target is the mean opinion of a fault of that strength, half what the visible difference says: on the scale of
the same fault, so that blur that a picture hardly shows counts for less than blur that it shows well. Where people were
not asked, or the picture was made smaller since, the visible difference alone speaks; for makes and mixtures on the
scale of all faults together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from distortion_heads.synthesis.visibility import UNCHANGED, Difference
from distortion_heads.training.features.quality_samples import QualitySamples

FEWEST_OF_KIND = 20
"""Samples of a kind from which on it has a scale of its own."""

QUANTILES = 17

Floats = NDArray[np.float64]


def opinions_of(samples: QualitySamples, scale: QualitySamples | None = None) -> NDArray[np.float32]:
    """Return the target of each sample, float32 (n,), 1 to 4.6; scales are those of `scale`, by default the same."""
    known = samples if scale is None else scale
    every, by_kind = _scales(known)
    losses = visible_losses(samples)
    target = np.interp(losses, *every)
    for kind, (x, y) in by_kind.items():
        rows = samples.kind == kind
        seen = np.interp(losses[rows], x, y)
        mean = samples.mean[rows]
        alone = (samples.reduced[rows] > 0) | ~np.isfinite(mean)
        target[rows] = np.where(alone, seen, (seen + mean) / 2)
    target[samples.severity == 0] = UNCHANGED
    return target.astype(np.float32)


def visible_losses(samples: QualitySamples) -> Floats:
    """Return by how much opinions fall by the visible difference alone, float64 (n,)."""
    seen = (Difference(structure=float(s), colour=float(c), light=float(b)) for s, c, b in samples.seen)
    return np.array([difference.loss for difference in seen])


def _scales(samples: QualitySamples) -> tuple[tuple[Floats, Floats], dict[int, tuple[Floats, Floats]]]:
    """Return maps from visible loss to opinion, of all faults together and of each: quantile goes to quantile."""
    losses = visible_losses(samples)
    asked = np.isfinite(samples.mean) & (samples.kind >= 0)
    by_kind = {
        int(kind): _matched(losses[rows], samples.mean[rows])
        for kind in np.unique(samples.kind[asked])
        if (rows := asked & (samples.kind == kind)).sum() >= FEWEST_OF_KIND
    }
    return _matched(losses[asked], samples.mean[asked]), by_kind


def _matched(losses: Floats, means: NDArray[np.float32]) -> tuple[Floats, Floats]:
    shares = np.linspace(0, 1, QUANTILES)
    x = np.concatenate([[0.0], np.maximum.accumulate(np.quantile(losses, shares)) + 1e-9])
    return x, np.concatenate([[UNCHANGED], np.quantile(means, 1 - shares)])
