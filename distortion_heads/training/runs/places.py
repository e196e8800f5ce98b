"""Make the model of places from clean photographs, parts of which are distorted (`--places`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.datasets.own_data import read_clean
from distortion_heads.errors import DataError
from distortion_heads.heads.bank import sigmoid
from distortion_heads.heat.place_model import SUFFIX, PlaceModel, dump_places
from distortion_heads.metrics.scores import auroc
from distortion_heads.registry.backbones import read_ref
from distortion_heads.reports.files import write_files
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.mixtures import operators_of
from distortion_heads.training.features.place_samples import (
    PlacePlan,
    PlaceSamples,
    collect_places,
    read_place_samples,
)
from distortion_heads.training.heads.fit_layers import Perceptron, Recipe, descend

HIDDEN, EPOCHS, RARE = 48, 6, -2.0
"""Hidden units; times that each place is seen; the logit from which every family begins: most places have no fault."""

RECIPE = Recipe(batch=512, rate=1e-3, decay=0.05, dropout=26)
LEFT_OUT = 5
"""One scene of so many is left out of a first fit, which says how good the second, on all, will be."""


@dataclass(frozen=True, kw_only=True)
class PlaceOptions:
    """`images`: clean photographs; of each so many `versions` are distorted in parts."""

    images: Path
    out: Path
    versions: int = 6
    seed: int = 0
    workers: int = 1
    command: str = "dheads train --places"
    report: Callable[[str, int, int], None] = field(default=lambda stage, done, total: None)


def train_places(options: PlaceOptions, specs: Mapping[str, HeadSpec]) -> tuple[Path, PlaceModel]:
    """Write `out/dheads_small.places.safetensors` for the bundled backbone; return its path and what it holds.

    Raises `DataError` if the pictures are too few.
    """
    families = tuple(sorted({spec.family for spec in specs.values()}))
    families = tuple(operators_of(specs, families))
    spec, scenes = bundled_backbone(), tuple(image.path for image in read_clean(options.images))
    if len(scenes) < LEFT_OUT:
        raise DataError(f"{options.images}: {len(scenes)} pictures are too few: give at least {LEFT_OUT}")
    plan = PlacePlan(
        folder=options.out / "samples",
        scenes=scenes,
        versions=options.versions,
        seed=options.seed,
        backbone=spec,
        families=families,
    )
    for done in collect_places(plan, options.workers):
        options.report("samples", min(done, plan.count), plan.count)
    samples = read_place_samples(plan)
    options.report("fit", 0, 2)
    kept = samples.scenes % LEFT_OUT != 0
    first = _fit(samples.inputs[kept], samples.shares[kept], options.seed)
    areas = _areas(first, samples, ~kept, families)
    options.report("fit", 1, 2)
    last = _fit(samples.inputs, samples.shares, options.seed)
    info = {
        "command": options.command,
        "clean photographs": len(scenes),
        "versions distorted in parts": options.versions,
        "AUROC over places of every fifth photograph, when they were left out": areas,
    }
    model = _model(last, plan, info)
    name = f"{spec.name}{SUFFIX}.safetensors"
    write_files(options.out, {name: dump_places(model)})
    return options.out / name, model


@dataclass(frozen=True, eq=False)
class _Shares:
    """The targets: binary cross-entropy with the shares of the places that are affected."""

    shares: NDArray[np.float32]

    def gradient(self, out: NDArray[np.float32], batch: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the slope of the loss by `out`, (batch, families)."""
        error = sigmoid(out.astype(np.float64)) - self.shares[batch]
        slope: NDArray[np.float32] = (error / len(batch)).astype(np.float32)
        return slope


def _fit(inputs: NDArray[np.float16], shares: NDArray[np.float32], seed: int) -> Perceptron:
    rng = np.random.default_rng(seed)
    network = Perceptron.random(inputs.shape[1], HIDDEN, shares.shape[1], rng)
    network.parameters[3][:] = RARE
    steps = max(1, EPOCHS * len(inputs) // RECIPE.batch)
    descend(network, inputs, _Shares(shares), RECIPE, steps, rng)
    return network


def _areas(
    network: Perceptron, samples: PlaceSamples, chosen: NDArray[np.bool_], families: tuple[str, ...]
) -> dict[str, Any]:
    """Return the area under the curve of each family, places that are mostly affected against the others."""
    rows = np.array_split(np.flatnonzero(chosen), max(1, int(chosen.sum()) // 4096))
    logits = np.concatenate([network.forward(samples.inputs[some].astype(np.float32))[1] for some in rows])
    truth, found = samples.shares[chosen] > 0.5, {}
    for i, family in enumerate(families):
        column = logits[:, i].astype(np.float64)
        area = auroc(column[truth[:, i]], column[~truth[:, i]])
        found[family] = None if area is None else round(area, 4)
    return found


def _model(network: Perceptron, plan: PlacePlan, info: Mapping[str, Any]) -> PlaceModel:
    first, first_bias, last, last_bias = network.parameters
    return PlaceModel(
        backbone=read_ref(plan.backbone),
        families=plan.families,
        first=first.astype(np.float16),
        first_bias=first_bias,
        last=last.astype(np.float16),
        last_bias=last_bias,
        info=info,
    )
