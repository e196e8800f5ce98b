"""A full-reference metric, and what two pictures must be to be compared."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.errors import InputError

Pixels: TypeAlias = NDArray[np.uint8]
PairScore: TypeAlias = Callable[[Pixels, Pixels], float]


@dataclass(frozen=True, kw_only=True)
class ReferenceMetric:
    """One metric: `best` is its value for equal pictures, `worst` the other end of its usual range.

    `least`: the shorter side in pixels that it needs. `color`: whether it sees changes of color alone. `source`: the
    paper. `score` compares reference and distorted, uint8 (H, W, 3) both, of one shape.
    """

    name: str
    title: str
    best: float
    worst: float
    least: int
    color: bool
    source: str
    score: PairScore

    @property
    def higher_better(self) -> bool:
        return self.best > self.worst

    @property
    def range_text(self) -> str:
        """Say which end is which: `0 to 1, 1 is equal`."""
        low, high = sorted((self.best, self.worst))
        return f"{low:g} to {high:g}, {self.best:g} is equal"

    def __call__(self, reference: Pixels, distorted: Pixels) -> float:
        """Compare uint8 (H, W, 3) pictures of one shape.

        Raises `InputError` for two sizes, for pictures that are too small, and where the metric is not defined.
        """
        check_pair(reference, distorted)
        height, width = reference.shape[:2]
        if min(height, width) < self.least:
            raise InputError(
                f"{self.title} needs {self.least} pixels a side at least, the pictures have {width}x{height}"
            )
        value = self.score(reference, distorted)
        if not math.isfinite(value):
            raise InputError(f"{self.title} is not defined for these pictures: they are too plain for it")
        return value


def check_pair(reference: Pixels, distorted: Pixels) -> None:
    """Raise `InputError` unless both are of one size."""
    if reference.shape != distorted.shape:
        (h, w), (height, width) = reference.shape[:2], distorted.shape[:2]
        raise InputError(
            f"the reference has {w}x{h} pixels and the distorted picture {width}x{height}: crop or scale one"
        )
