"""Targets for self-distorted pictures: people's means by physical strength, and what is seen in this very picture.

Half of a target is the mean opinion of a fault of that strength, half what the visible difference says: on the scale of
the same fault, so that blur that a picture hardly shows counts for less than blur that it shows well. Where people were
not asked, or the picture was made smaller since, the visible difference alone speaks: for what people judge alike on
the scale of its family, else, and for mixtures, on that of all faults together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.synthesis.visibility import UNCHANGED, Difference
from distortion_heads.training.features.quality_samples import QualitySamples

FEWEST_OF_KIND = 20
"""Samples of a kind or a family from which on it has a scale of its own."""

QUANTILES = 17

ALIKE: Mapping[str, str] = {
    "blur": "blur",
    "noise": "noise",
    "compression": "compression",
    "exposure": "exposure",
    "light": "exposure",
}
"""The family on whose scale a family's makes lie: its kinds agree on how annoying a visible difference is.

People mind blur more, and light and noise less, than all faults that differ as much. Kinds of colour and spatial faults
do not agree with each other, and nobody was asked about anything like smoke.
"""

Floats: TypeAlias = NDArray[np.float64]
Scale: TypeAlias = tuple[Floats, Floats]


@dataclass(frozen=True, kw_only=True, eq=False)
class Scales:
    """Maps from visible loss to opinion: of `every` fault together, and of kinds, by their number."""

    every: Scale
    by_kind: Mapping[int, Scale]


def scales_of(samples: QualitySamples, families: Sequence[str]) -> Scales:
    """Return the scales of samples: quantile goes to quantile; `families` of the kinds, by their number.

    A kind that people were not asked about has that of its family, if `ALIKE` names one.
    """
    losses = visible_losses(samples)
    asked = np.isfinite(samples.mean) & (samples.kind >= 0)
    family = np.array([*families, ""])[samples.kind]

    def scale(rows: NDArray[np.bool_]) -> Scale | None:
        return _matched(losses[rows], samples.mean[rows]) if rows.sum() >= FEWEST_OF_KIND else None

    by_family = {name: scale(asked & (family == name)) for name in set(ALIKE.values())}
    by_kind = {}
    for kind, name in enumerate(families):
        own = scale(asked & (samples.kind == kind)) or by_family.get(ALIKE.get(name, ""))
        if own is not None:
            by_kind[kind] = own
    return Scales(every=_matched(losses[asked], samples.mean[asked]), by_kind=by_kind)


def opinions_of(samples: QualitySamples, scales: Scales) -> NDArray[np.float32]:
    """Return the target of each sample, float32 (n,), 1 to 4.6."""
    losses = visible_losses(samples)
    target = np.interp(losses, *scales.every)
    for kind, (x, y) in scales.by_kind.items():
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


def _matched(losses: Floats, means: NDArray[np.float32]) -> Scale:
    shares = np.linspace(0, 1, QUANTILES)
    x = np.concatenate([[0.0], np.maximum.accumulate(np.quantile(losses, shares)) + 1e-9])
    return x, np.concatenate([[UNCHANGED], np.quantile(means, 1 - shares)])
