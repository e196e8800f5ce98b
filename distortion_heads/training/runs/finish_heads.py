"""Make head files of trained towers: provenance, calibration, threshold and figures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.record import Record
from distortion_heads.heads.bank import HeadBank
from distortion_heads.heads.head import Calibration, HeadFile, Layer, Provenance, Threshold
from distortion_heads.metrics.measure import measure
from distortion_heads.metrics.thresholds import choose_threshold
from distortion_heads.training.features.examples import Examples
from distortion_heads.training.features.records import RecordFeatures
from distortion_heads.training.heads.calibration import calibrate, image_probabilities
from distortion_heads.training.heads.train_head import HeadCard, new_head
from distortion_heads.training.networks.recipes import RecordRecipe
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob, versions

VOTE = 1e6
"""Scale of the logits that turns the mean of the windows' probabilities into the share of windows that fire."""


class HasLayers(Protocol):
    """Trained networks that give the layers of each head, such as `Towers`."""

    def layers(self, head: int) -> tuple[Layer, ...]: ...


def finished_heads(
    towers: HasLayers,
    choice: NetworkChoice,
    site: TrainingJob,
    features: RecordFeatures,
    parts: tuple[Sequence[Record], Sequence[Record]],
    labels: Sequence[str],
) -> tuple[HeadFile, ...]:
    """Return a head for each tower, calibrated on the validation part (the second of `parts`)."""
    fit, validation = parts
    windows = [w.astype(np.float32) for w in features.of(validation, "native")]
    heads = []
    for i, label in enumerate(labels):
        positive = sum(label in record.severities for record in fit)
        provenance = provenance_of(choice, site, parts, positive)
        known = site.registry.heads.get(label)
        card = HeadCard(
            label=label,
            title=known.spec.title if known else label.replace("_", " ").capitalize(),
            family=known.spec.family if known else "other",
            license=site.head_license,
        )
        head = new_head(card, towers.layers(i), features.backbone.ref, provenance)
        examples = Examples.pack(
            windows,
            [label in record.severities for record in validation],
            clean=[record.clean for record in validation],
        )
        heads.append(_with_decision(head, examples, choice.recipe))
    return tuple(heads)


def provenance_of(
    choice: NetworkChoice, site: TrainingJob, parts: tuple[Sequence[Record], Sequence[Record]], positive: int
) -> Provenance:
    """Return where a head comes from that was trained on `positive` records and all others of the first part."""
    digests = sorted({site.hashes[record.path] for part in parts for record in part})
    return Provenance(
        data=site.data,
        data_sha256=hashlib.sha256("\n".join(digests).encode()).hexdigest(),
        n_pos=positive,
        n_neg=len(parts[0]) - positive,
        seed=choice.recipe.seed,
        command=site.command,
        versions=versions(),
    )


def _with_decision(head: HeadFile, validation: Examples, recipe: RecordRecipe) -> HeadFile:
    """Return the head with calibration and threshold by the recipe, and the figures on the validation part."""
    logits: NDArray[np.float64] = HeadBank([head]).evaluate(validation.windows).logits[0].astype(np.float64)
    both = bool(validation.labels.any() and not validation.labels.all())
    calibration, threshold = Calibration(), Threshold()
    if recipe.calibrate and both:
        calibration = calibrate(logits, validation)
    if recipe.pooling == "majority":
        scale, offset = VOTE * calibration.scale, VOTE * calibration.offset
        calibration = Calibration(method="platt", params={"scale": scale, "offset": offset})
        threshold = Threshold(objective="majority of the windows")
    probabilities = image_probabilities(logits, validation.starts, calibration.scale, calibration.offset)
    if recipe.calibrate and both and recipe.pooling == "mean":
        threshold = choose_threshold(probabilities, validation.labels, validation.clean)
    split = "validation part, which also decided when to stop and calibrated"
    metrics = measure(probabilities, validation.labels, validation.clean, threshold.value, split)
    return replace(head, calibration=calibration, threshold=threshold, metrics=metrics)
