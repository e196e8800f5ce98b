"""An operator of another library, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
Level: TypeAlias = int

LEVELS = ("mild", "strong")
"""Names of the levels 0 and 1: what a library calls level 2 and 4 of 5, else about KADID-10k's levels 3 and 5."""

CODECS = "compression"


@dataclass(frozen=True, kw_only=True)
class ForeignOperator:
    """One operator of a library: `apply(pixels, level)`, uint8 RGB (H, W, 3) to the same shape; `family`: what it does.

    Whatever is random in it depends on NumPy's global generator, which old libraries use; seed that before.
    """

    library: str
    name: str
    family: str
    apply: Callable[[Pixels, Level], Pixels]

    @property
    def label(self) -> str:
        return f"{self.library}.{self.name}"

    @property
    def codec(self) -> bool:
        """Return whether it stores the picture as a file: nothing is stored again as JPEG after it."""
        return self.family == CODECS


def operator(library: str, name: str, family: str, apply: Callable[[Pixels, Level], Any]) -> ForeignOperator:
    """Return an operator whose result may be any array of bytes."""
    return ForeignOperator(library=library, name=name, family=family, apply=lambda p, s: as_pixels(apply(p, s)))


def as_pixels(values: Any) -> Pixels:
    """Return contiguous bytes; floats are in [0, 1]."""
    array = np.asarray(values)
    if array.dtype != np.uint8:
        array = np.rint(np.clip(array, 0, 1) * 255)
    return np.ascontiguousarray(array, np.uint8)


def draw_seed() -> int:
    """Return a seed for a library that has a generator of its own."""
    return int(np.random.randint(2**31))  # noqa: NPY002
