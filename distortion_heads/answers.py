"""What heads say of one picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatImage: TypeAlias = NDArray[np.float32]
    Synthesizer: TypeAlias = Callable[[FloatImage, float, np.random.Generator], FloatImage]
    Encoder: TypeAlias = Callable[[FloatImage, float, np.random.Generator], tuple[bytes, str]]
    ClipSynthesizer: TypeAlias = Callable[
        [Iterable[FloatImage], float, float, np.random.Generator], Iterator[FloatImage]
    ]


@dataclass(frozen=True, kw_only=True)
class HeadResult:
    """One head's answer: `probability` in [0, 1]; `severity` in [1, 5], or None where the head has no such output."""

    label: str
    family: str
    probability: float
    threshold: float
    present: bool
    severity: float | None


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """All heads' answers for one image. `path` is None for an image that came from memory; sizes in pixels.

    `fast` says that windows were left out, since no more were asked for.
    """

    path: str | None
    width: int
    height: int
    windows: int
    backbone: str
    heads: tuple[HeadResult, ...]
    fast: bool = False

    @property
    def present(self) -> tuple[HeadResult, ...]:
        """The heads above their thresholds, most probable first."""
        return tuple(sorted((h for h in self.heads if h.present), key=lambda h: -h.probability))
