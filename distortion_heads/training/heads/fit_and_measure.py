"""Fit one head on a user's data and measure it: on folds where there are few pictures, else on a held-out part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.split_by_content import Folds, HoldOut, folds_by_content, split_by_content
from distortion_heads.heads.head import HeadFile, Provenance
from distortion_heads.metrics.intervals import Spread, spread_of, taken_for_same
from distortion_heads.metrics.measure import measure
from distortion_heads.metrics.thresholds import Limits
from distortion_heads.spec import BackboneRef
from distortion_heads.training.features.examples import Examples
from distortion_heads.training.features.labelled import Dataset
from distortion_heads.training.heads.train_head import HeadCard, answers_of, train_head, train_on_folds

LIMITS = Limits(clean=0.02, others=0.03, cautious=True)
"""Shares of the held-out clean pictures, none of fewer than 50, and of other negatives on which the head may fire."""

FEW = 400
"""Pictures below which no part is held out: each is answered by a head that did not see its scene."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """A head, measured on `hold` by `answers`; `data` holds what it was fitted on."""

    head: HeadFile
    data: Dataset
    parts: HoldOut | Folds
    hold: Examples
    answers: NDArray[np.float64]

    @property
    def kinds(self) -> list[tuple[str, str] | None]:
        """The distortion and the family of each rival in `hold`; None of the pictures that were given."""
        specs = [self.data.images[i].rival_spec for i in self.parts.hold]
        return [None if spec is None else (spec.label, spec.family) for spec in specs]

    @property
    def spread(self) -> Spread:
        rivals = np.array([kind is not None for kind in self.kinds], bool)
        scenes, threshold = self.parts.scene[self.parts.hold], self.head.threshold.value
        return spread_of(self.answers, self.hold.labels, self.hold.clean, rivals, scenes, threshold)


def fit_and_measure(
    data: Dataset, card: HeadCard, backbone: BackboneRef, provenance: Callable[[Dataset], Provenance], seed: int
) -> Fitted:
    """Fit and measure; once more without the rivals that cannot be told from the positives, where there are any."""
    fitted = _fit_once(data, card, backbone, provenance, seed)
    same = taken_for_same(fitted.answers, fitted.hold.labels, fitted.kinds)
    if same:
        note = (
            f"the pictures with {card.label} look like distortions of the family {', '.join(same)}, which are "
            "therefore not among its negatives: if they are the same, say so with --family"
        )
        fitted = _fit_once(data.without(same, note), card, backbone, provenance, seed)
    given = np.array([kind is None for kind in fitted.kinds], bool)  # the figures are of the user's own pictures
    parts, hold, head = fitted.parts, fitted.hold, fitted.head
    split = head.metrics.split
    if parts.note is not None:
        split = f"{parts.count}-fold cross-validation by file" if parts.count else "held-out files"
    value = head.threshold.value
    metrics = measure(fitted.answers[given], hold.labels[given], hold.clean[given], value, split)
    return replace(fitted, head=replace(head, metrics=metrics))


def _fit_once(
    data: Dataset, card: HeadCard, backbone: BackboneRef, provenance: Callable[[Dataset], Provenance], seed: int
) -> Fitted:
    """Fit and measure: below `FEW` pictures on folds, else on a part that is held out."""
    hashes = [found.scene for found in data.features]
    every = data.examples(np.arange(len(data.images)))
    options: dict[str, Any] = {"seed": seed, "limits": LIMITS}
    options["with_severity"] = bool(np.isfinite(every.severity).any())
    if sum(not image.rival for image in data.images) < FEW:
        folds = folds_by_content(data.images, hashes, seed)
        head, answers = train_on_folds(every, folds.fold, card, backbone, provenance(data), **options)
        return Fitted(head=head, data=data, parts=folds, hold=every, answers=answers)
    parts = split_by_content(data.images, hashes, seed)
    hold = every.subset(parts.hold)
    head = train_head(every.subset(parts.fit), hold, card, backbone, provenance(data), **options)
    return Fitted(head=head, data=data, parts=parts, hold=hold, answers=answers_of(head, hold))
