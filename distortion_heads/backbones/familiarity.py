"""Tell pictures that are unlike those that heads and thresholds were made on, by their distance in feature space.

A picture's score is its distance to the fifth nearest training picture (Sun et al. 2022, "Out-of-distribution detection
with deep nearest neighbors"), in the space of the first principal components of the training pictures' features, each
scaled to unit variance, as in the distance of Mahalanobis (Lee et al. 2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.beside import Tensors, bundled_beside, check_shapes, dump_beside, read_beside
from distortion_heads.spec import BackboneRef
from distortion_heads.views.windows import WINDOW

SCHEMA = "dheads-familiarity/1"
SUFFIX = ".familiarity"
NEIGHBOURS, AXES = 5, 32
INSIDE = 0.96
"""Share of the training pictures that the limit leaves inside, each measured without those of its own scene."""

NOTE = "unfamiliar: unlike the photographs that heads and thresholds were made on; take the figures with care"


@dataclass(frozen=True, kw_only=True, eq=False)
class Familiarity:
    """A small model of training pictures. `mean` float32 (dim,), `axes` (k, dim) and `points` (n, k) float16.

    Pictures further than `limit` from the points are unfamiliar; `info` says what it was made of.
    """

    backbone: BackboneRef
    mean: NDArray[np.float32]
    axes: NDArray[np.float16]
    points: NDArray[np.float16]
    limit: float
    info: Mapping[str, Any]

    def distance(self, windows: NDArray[np.float32]) -> float:
        """Return the distance of a picture with the native features float32 (K, dim) of its windows."""
        axes, points, squares = self._wide
        place = axes @ (windows.mean(axis=0) - self.mean)
        distances = squares - 2 * (points @ place) + place @ place
        return float(np.sqrt(max(np.partition(distances, NEIGHBOURS - 1)[NEIGHBOURS - 1], 0.0)))

    def is_unfamiliar(self, windows: NDArray[np.float32] | None, side: int) -> bool:
        """Return whether a picture with that shorter `side` in pixels lies beyond the limit.

        False where no head reads the native view, and for less than a whole window, which says too little.
        """
        return windows is not None and side >= WINDOW and self.distance(windows) > self.limit

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made when it is asked for: the same model gives the same bytes."""
        return {name: value for name, value in self.__dict__.items() if name != "_wide"}

    @cached_property
    def _wide(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        points = self.points.astype(np.float32)
        return self.axes.astype(np.float32), points, np.square(points).sum(axis=1)


def fit_familiarity(
    features: NDArray[np.float32], scenes: NDArray[np.int64], backbone: BackboneRef, info: Mapping[str, Any]
) -> Familiarity:
    """Return the model of pictures with the mean native features (n, dim); `scenes` (n,) says which show the same.

    Raises `ValueError` for fewer pictures than axes.
    """
    if len(features) <= AXES:
        raise ValueError(f"{len(features)} pictures are too few")
    mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    _, spread, rows = np.linalg.svd(features - mean, full_matrices=False)
    scale = np.maximum(spread[:AXES, None] / np.sqrt(len(features)), 1e-6)
    axes = (rows[:AXES] / scale).astype(np.float16)
    points = ((features - mean) @ axes.astype(np.float32).T).astype(np.float16)
    distances = np.sqrt([_to_others(points.astype(np.float32), scenes, i) for i in range(len(points))])
    limit = float(np.quantile(distances, INSIDE))
    return Familiarity(backbone=backbone, mean=mean, axes=axes, points=points, limit=limit, info=info)


def _to_others(points: NDArray[np.float32], scenes: NDArray[np.int64], i: int) -> float:
    others = points[scenes != scenes[i]]
    return float(np.sort(np.square(others - points[i]).sum(axis=1))[:NEIGHBOURS][-1])


def dump_familiarity(model: Familiarity) -> bytes:
    """Return the model as a safetensors file; the same model gives the same bytes."""
    facts = {"limit": model.limit, "info": dict(model.info)}
    return dump_beside(SCHEMA, model.backbone, facts, {"axes": model.axes, "mean": model.mean, "points": model.points})


def read_familiarity(file: Path | Traversable) -> Familiarity:
    """Read and check a file. Raises `BackboneError` if it is missing, damaged or of an unknown schema."""
    return read_beside(file, SCHEMA, "model of familiar pictures", _checked)


def _checked(ref: BackboneRef, header: Mapping[str, Any], tensors: Tensors) -> Familiarity:
    model = Familiarity(backbone=ref, limit=float(header["limit"]), info=header["info"], **tensors)
    points, axes = (len(model.points), len(model.axes)) if model.points.ndim == 2 else (0, 0)
    check_shapes(tensors, {"mean": (ref.dim,), "axes": (axes, ref.dim), "points": (points, axes)})
    if points < NEIGHBOURS:
        raise ValueError("its tensors are misshapen")
    if not np.isfinite(model.limit):
        raise ValueError("it holds values that are not finite")
    return model


def bundled_familiarity(backbone: BackboneRef) -> Familiarity | None:
    """Return the model that ships with the bundled backbone; None for any other backbone."""
    return bundled_beside(SUFFIX, read_familiarity, backbone)
