"""`heat.place_model` as nodes: the maps of the families that the model of places knows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.cells import LOCAL_SIDES
from distortion_heads.export.answers_graph import Answers, row_quantiles
from distortion_heads.export.features_graph import Units
from distortion_heads.export.tensors import Tensor, constant, where
from distortion_heads.heat.place_model import LEAST, PARTS, UPPER_END, PlaceModel
from distortion_heads.heat.predictor import FAINT, LOCATED


def place_maps(units: Units, model: PlaceModel, families: Sequence[str], answers: Answers) -> tuple[Tensor, Tensor]:
    """Return the maps of n families, float64 (n, rows, columns), and from which value on a place is affected, (n,).

    `answers` are those of the n families for the whole picture: see `PicturePlaces`.
    """
    columns = np.array([model.families.index(family) for family in families])
    maps = _raised(_probabilities(units, model).take(columns, 0), answers)
    return maps, (_upper_ends(maps) * LOCATED).maximum(FAINT)


def _probabilities(units: Units, model: PlaceModel) -> Tensor:
    """float64 (families, rows, columns): see `PlaceModel.values`."""
    *by_side, picture = np.split(model.first, PARTS)
    rows, columns = units.sides
    sums = []
    for side, weights in zip(LOCAL_SIDES, by_side, strict=True):
        size = rows.minimum(columns).minimum(side)
        features = units.window_features(size)
        hidden = (features @ _single(features, weights)).op("Transpose", perm=[1, 0])
        sums.append(units.around(hidden.cast(np.float64), size))
    whole = features.mean(0).with_axis(0) @ _single(features, picture) + model.first_bias
    hidden = (reduce(Tensor.__add__, sums) + whole.cast(np.float64).reshape(-1, 1, 1)).op("Relu")
    flat = hidden.reshape(len(model.first_bias), -1)
    logits = constant(flat.parts, model.last.T).cast(np.float64) @ flat + model.last_bias[:, np.newaxis]
    return logits.op("Sigmoid").shaped(len(model.families), rows, columns)


def _single(beside: Tensor, weights: NDArray[np.float16]) -> Tensor:
    return constant(beside.parts, weights).cast(np.float32)


def _raised(maps: Tensor, answers: Answers) -> Tensor:
    """Raise the maps of what is present to its probability: see `place_model.raised`."""
    shift = _logit(answers.probability) - _logit(_upper_ends(maps))
    higher = (_logit(maps) + shift.reshape(-1, 1, 1)).op("Sigmoid")
    return where((answers.present & (shift > 0.0)).reshape(-1, 1, 1), higher, maps)


def _upper_ends(maps: Tensor) -> Tensor:
    return row_quantiles(maps.shaped(maps.length(0), -1), UPPER_END)


def _logit(probabilities: Tensor) -> Tensor:
    clipped = probabilities.op("Clip", LEAST, 1 - LEAST)
    return (clipped / (1.0 - clipped)).op("Log")
