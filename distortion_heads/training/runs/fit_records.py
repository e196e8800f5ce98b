"""Labelled records -> a trained network, in the way of its recipe."""

from __future__ import annotations

from collections.abc import Sequence

from distortion_heads.datasets.record import Record
from distortion_heads.training.networks.recipes import MEON
from distortion_heads.training.runs.finetune import Fitted, fit_network
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob
from distortion_heads.training.runs.meon import fit_meon


def fit_records(
    choice: NetworkChoice, site: TrainingJob, fit: Sequence[Record], validation: Sequence[Record], labels: Sequence[str]
) -> Fitted:
    """Train on `fit`; `validation` decides when to stop. See `fit_network` and `fit_meon`, whose errors it raises."""
    fitting = fit_meon if choice.recipe.name == MEON.name else fit_network
    return fitting(choice, site, fit, validation, labels)
