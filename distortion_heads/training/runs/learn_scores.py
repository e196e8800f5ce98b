"""Learn scores of metrics with a whole network, and ratings from its features (Lin, Hosu, Saupe 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.record import Record
from distortion_heads.datasets.splits import number_scenes, split_records
from distortion_heads.errors import DataError
from distortion_heads.heads.head import Layer
from distortion_heads.metrics.equalize import Equalizer, fit_equalizer
from distortion_heads.metrics.reference.table import METRICS
from distortion_heads.training.networks.record_samples import Targets
from distortion_heads.training.runs.finetune import TrainedTowers, train_towers
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob

FEWEST_SCENES = 5

Parts = Mapping[str, Sequence[Record]]


def split_parts(records: Sequence[Record], hashes: Mapping[Path, str], seed: int) -> dict[str, list[Record]]:
    """Return the parts "train", "validation" and "test", of different scenes. Raises `DataError` if there are few."""
    scenes = number_scenes(records, hashes)
    if len(set(scenes)) < FEWEST_SCENES:
        raise DataError(f"the pictures show {len(set(scenes))} scenes: at least {FEWEST_SCENES} are needed")
    split = split_records(records, scenes, (), "disjoint", seed=seed)
    return {name: [records[i] for i in getattr(split, name)] for name in ("train", "validation", "test")}


def fit_equalizers(records: Sequence[Record]) -> dict[str, Equalizer]:
    """Return the map of each metric that a record has a score of to the share of scores that are worse."""
    names = [name for name in METRICS if any(name in record.scores for record in records)]
    found = {}
    for name in names:
        values = [record.scores[name] for record in records if name in record.scores]
        found[name] = fit_equalizer(values, higher_better=METRICS[name].higher_better)
    return found


def equalized(records: Sequence[Record], equalizers: Mapping[str, Equalizer]) -> NDArray[np.float32]:
    """Return the scores of records, float32 (n, metrics), in [0, 1] and 1 best; NaN where there is none."""
    columns = [
        equalizer([record.scores.get(name, np.nan) for record in records]) for name, equalizer in equalizers.items()
    ]
    return np.stack(columns, 1).astype(np.float32)


def learn_scores(
    choice: NetworkChoice, site: TrainingJob, parts: Parts, equalizers: Mapping[str, Equalizer]
) -> TrainedTowers:
    """Train the backbone and a tower for each metric on the equalised scores of parts "train" and "validation"."""
    pair = (parts["train"], parts["validation"])
    labels = tuple(equalizers)
    return train_towers(choice, site, pair, labels, lambda records: Targets.of_scores(equalized(records, equalizers)))


def learn_ratings(
    choice: NetworkChoice, site: TrainingJob, parts: Parts, ends: tuple[float, float], rates: Sequence[float]
) -> TrainedTowers:
    """Train one tower on `mos`, which lies between `ends`, at each rate; return the one of least validation loss."""
    low, high = ends
    pair = (parts["train"], parts["validation"])

    def targets(records: Sequence[Record]) -> Targets:
        mos = np.array([[record.mos] for record in records], np.float32)
        return Targets.of_scores((mos - low) / (high - low))

    best: TrainedTowers | None = None
    problem: DataError | None = None
    for rate in rates:
        at_rate = replace(choice, recipe=replace(choice.recipe, rate=rate))
        try:
            found = train_towers(at_rate, replace(site, run=site.run / f"rate-{rate:g}"), pair, ("mos",), targets)
        except DataError as error:  # too high a rate, mostly
            problem = error
            continue
        if best is None or found.loss < best.loss:
            best = found
    if best is None:
        assert problem is not None
        raise problem
    return best


def in_range(layers: Sequence[Layer], low: float, high: float) -> tuple[Layer, ...]:
    """Return layers whose output of 0 to 1 is `low` to `high`."""
    *first, last = layers
    unit = np.float32(high - low)
    return (*first, replace(last, weight=last.weight * unit, bias=last.bias * unit + np.float32(low)))


def predicted(done: TrainedTowers, records: Sequence[Record]) -> NDArray[np.float64]:
    """Return what the towers say of records, float64 (n, towers): the mean over the windows of each."""
    import torch

    found = np.empty((len(records), done.towers.weights[0].shape[0]))
    with torch.inference_mode():
        for row, windows in enumerate(done.features.of(records, "native")):
            found[row] = done.towers(torch.from_numpy(windows.astype(np.float32)))[..., 0].mean(0).cpu().numpy()
    return found
