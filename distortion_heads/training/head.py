"""From labelled features to a finished head: fit, calibrate, choose the threshold, measure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from distortion_heads.heads import HeadBank
from distortion_heads.spec import (
    BackboneRef,
    Calibration,
    HeadFile,
    HeadMetrics,
    Layer,
    Provenance,
    Threshold,
    View,
)
from distortion_heads.training.calibration import calibrate, choose_threshold, image_probabilities
from distortion_heads.training.examples import Examples
from distortion_heads.training.fit import fit_layers
from distortion_heads.training.metrics import measure


@dataclass(frozen=True, kw_only=True)
class HeadCard:
    """What is copied into the head file as it is."""

    label: str
    title: str
    family: str
    view: View = "native"
    license: str = "Apache-2.0"


def train_head(
    fit: Examples,
    hold: Examples,
    card: HeadCard,
    backbone: BackboneRef,
    provenance: Provenance,
    *,
    seed: int = 0,
    max_fpr_clean: float | None = None,
    with_severity: bool = False,
    start: tuple[Layer, Layer] | None = None,
) -> HeadFile:
    """Fit on `fit` (from the layers `start`, if given), then calibrate, choose the threshold and measure on `hold`.

    The two must not share scenes.
    """
    layers = fit_layers(fit, with_severity=with_severity, seed=seed, start=start)
    head = HeadFile(
        label=card.label,
        title=card.title,
        family=card.family,
        license=card.license,
        created_with=f"distortion-heads {version('distortion-heads')}",
        view=card.view,
        backbone=backbone,
        layers=tuple(_as_stored(layer) for layer in layers),
        outputs=("presence", "severity") if with_severity else ("presence",),
        calibration=Calibration(),
        threshold=Threshold(),
        metrics=HeadMetrics(split="", n=0),
        provenance=provenance,
    )
    logits = window_logits(head, hold)
    calibration = calibrate(logits, hold)
    probabilities = image_probabilities(logits, hold.starts, calibration.scale, calibration.offset)
    threshold = choose_threshold(probabilities, hold.labels, hold.clean, max_fpr_clean)
    metrics = measure(probabilities, hold.labels, hold.clean, threshold.value, "held-out scenes of the training data")
    return replace(head, calibration=calibration, threshold=threshold, metrics=metrics)


def window_logits(head: HeadFile, examples: Examples) -> NDArray[np.float64]:
    """Presence logits (W,) of every window, through the evaluation that predicts."""
    outputs = HeadBank([head]).evaluate(examples.windows.astype(np.float32))
    logits: NDArray[np.float64] = outputs.logits[0].astype(np.float64)
    return logits


def _as_stored(layer: Layer) -> Layer:
    """Round to float16, as the file will, so that what is calibrated is what is shipped."""
    return replace(
        layer,
        weight=layer.weight.astype(np.float16).astype(np.float32),
        bias=layer.bias.astype(np.float16).astype(np.float32),
    )
