"""A small perceptron that says of every place of a picture which families of faults lie there.

Heads learn from whole pictures, and are sure of small windows only where a fault is strong. This one has learnt from
pictures a part of which is distorted. It reads the features of the windows of every side around a place, and the mean
of the whole picture's: what a place lacks shows beside the rest of its own picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.beside import Tensors, bundled_beside, check_shapes, dump_beside, read_beside
from distortion_heads.backbones.cells import LOCAL_SIDES
from distortion_heads.backbones.local import LocalFeatures, LocalLevel
from distortion_heads.heads.bank import sigmoid
from distortion_heads.spec import BackboneRef

_Numbers: TypeAlias = NDArray[np.floating[Any]]

SCHEMA = "dheads-places/1"
SUFFIX = ".places"
LEAST = 1e-4
"""Probabilities nearer to 0 or 1 are taken for this when maps are compared with answers."""

UPPER_END = 0.95
"""Share of the places of a map that lie below its upper end."""

PARTS = len(LOCAL_SIDES) + 1
"""Features that are read of a place, in multiples of the backbone's: of a window of each side, and of the picture."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaceModel:
    """relu(x first + first_bias) last + last_bias: logits of `families`. `first` float16 (`PARTS` * dim, hidden).

    `last` float16 (hidden, families); the biases are float32. `info` says what it was made of.
    """

    backbone: BackboneRef
    families: tuple[str, ...]
    first: NDArray[np.float16]
    first_bias: NDArray[np.float32]
    last: NDArray[np.float16]
    last_bias: NDArray[np.float32]
    info: Mapping[str, Any]

    def values(self, local: LocalFeatures) -> dict[str, NDArray[np.float32]]:
        """Return the probability of each family at each place, float32 (rows, columns)."""
        *by_side, picture = self._wide
        hidden = self.first_bias + local.levels[-1].features.mean(axis=0) @ picture
        for side, weights in zip(LOCAL_SIDES, by_side, strict=True):  # linear, so the mean of windows may come after it
            level = _level(local, side)
            hidden = hidden + around(level.features @ weights, level, local)
        np.maximum(hidden, 0, out=hidden)
        logits = hidden @ self.last.astype(np.float32) + self.last_bias
        found = sigmoid(logits.astype(np.float64)).astype(np.float32)
        return {family: found[..., i] for i, family in enumerate(self.families)}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made when it is asked for: the same model gives the same bytes."""
        return {name: value for name, value in self.__dict__.items() if name != "_wide"}

    @cached_property
    def _wide(self) -> list[NDArray[np.float32]]:
        """The first layer in single precision, for the window of each side and for the picture."""
        return np.split(self.first.astype(np.float32), PARTS)


def raised(values: NDArray[np.float32], probability: float) -> NDArray[np.float32]:
    """Shift the logits of a map so that its upper end is at least the `probability` of the whole picture.

    What is everywhere stands out nowhere: without this, the map of a picture that is blurred all over is dark.
    """
    low, high = LEAST, 1 - LEAST
    least, end = (float(np.clip(value, low, high)) for value in (probability, upper_end(values)))
    shift = np.log(least / (1 - least)) - np.log(end / (1 - end))
    if shift <= 0:
        return values
    odds = np.clip(values, low, high).astype(np.float64)
    return sigmoid(np.log(odds / (1 - odds)) + shift).astype(np.float32)


def upper_end(values: NDArray[np.float32]) -> float:
    """Return the value that the highest twentieth of a map reaches."""
    return float(np.quantile(values, UPPER_END))


def place_inputs(local: LocalFeatures) -> NDArray[np.float32]:
    """Return what the model reads of each place, row by row: float32 (rows * columns, `PARTS` * dim)."""
    parts = [around(level.features, level, local) for level in (_level(local, side) for side in LOCAL_SIDES)]
    picture = np.broadcast_to(local.levels[-1].features.mean(axis=0), parts[0].shape)
    inputs: NDArray[np.float32] = np.concatenate([*parts, picture], axis=2).reshape(local.rows * local.columns, -1)
    return inputs


def around(windows: _Numbers, level: LocalLevel, local: LocalFeatures) -> _Numbers:
    """Return (rows, columns, n) of places: the mean over the windows that cover each; `windows` (count, n)."""
    grid = windows.reshape(level.rows, -1)
    down = (covering(local.rows, level.rows) @ grid).reshape(local.rows, level.columns, -1)
    across: _Numbers = covering(local.columns, level.columns) @ down
    return across


def covering(places: int, windows: int) -> NDArray[np.float32]:
    """Return (places, windows): each row averages over the windows that cover a place, of those one unit apart."""
    side = places - windows + 1
    offset = np.arange(places)[:, np.newaxis] - np.arange(windows)
    cover = ((offset >= 0) & (offset < side)).astype(np.float32)
    shares: NDArray[np.float32] = cover / cover.sum(axis=1, keepdims=True)
    return shares


def _level(local: LocalFeatures, side: int) -> LocalLevel:
    """The windows of that side, or of the largest that fits a small picture."""
    fitting = min(side, local.rows, local.columns)
    return next(level for level in local.levels if level.side == fitting)


def dump_places(model: PlaceModel) -> bytes:
    """Return the model as a safetensors file; the same model gives the same bytes."""
    facts = {"families": model.families, "info": dict(model.info)}
    return dump_beside(SCHEMA, model.backbone, facts, {name: getattr(model, name) for name in _TENSORS})


_TENSORS = ("first", "first_bias", "last", "last_bias")


def read_places(file: Path | Traversable) -> PlaceModel:
    """Read and check a file. Raises `BackboneError` if it is missing, damaged or of an unknown schema."""
    return read_beside(file, SCHEMA, "model of places", _checked)


def _checked(ref: BackboneRef, header: Mapping[str, Any], tensors: Tensors) -> PlaceModel:
    families = tuple(str(family) for family in header["families"])
    model = PlaceModel(backbone=ref, families=families, info=header["info"], **tensors)
    hidden = len(model.first_bias)
    shapes = {"first": (PARTS * ref.dim, hidden), "first_bias": (hidden,)}
    check_shapes(tensors, {**shapes, "last": (hidden, len(families)), "last_bias": (len(families),)})
    return model


def bundled_places(backbone: BackboneRef) -> PlaceModel | None:
    """Return the model that ships with the bundled backbone; None for any other backbone."""
    return bundled_beside(SUFFIX, read_places, backbone)
