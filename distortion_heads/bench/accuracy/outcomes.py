"""Answers of heads for pictures whose distortions are known: the arrays behind every accuracy figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """`n` versions (clean, distorted once, mixtures) of `pictures`, judged by the heads of `labels`, H of them.

    `truth` float (n, H): the severity in [1, 5] of each distortion, 0 where it is absent; `probability` float64 (n, H);
    `severity` float64 (n, H), NaN where a head has no such output; `picture` int64 (n,): which of `pictures` it is a
    version of; `sources`: where each picture is from; `families` and `thresholds`: those of the heads.
    """

    labels: tuple[str, ...]
    families: tuple[str, ...]
    thresholds: tuple[float, ...]
    pictures: tuple[str, ...]
    sources: tuple[str, ...]
    picture: NDArray[np.int64]
    truth: NDArray[np.floating]
    probability: NDArray[np.float64]
    severity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.picture)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """(n, H): which distortions were made."""
        return self.truth > 0

    @cached_property
    def fires(self) -> NDArray[np.bool_]:
        """(n, H): which heads are at or above their thresholds."""
        return np.asarray(self.probability >= np.asarray(self.thresholds))

    @cached_property
    def size(self) -> NDArray[np.int64]:
        """(n,): how many distortions were made; 0 is a clean picture."""
        return np.asarray(self.present.sum(axis=1))

    @cached_property
    def level(self) -> NDArray[np.floating]:
        """(n,): the highest severity; 0 for a clean picture."""
        return np.asarray(self.truth.max(axis=1, initial=0))

    @property
    def clean(self) -> NDArray[np.bool_]:
        """(n,): the pictures as they were."""
        return np.asarray(self.size == 0)

    def singles(self, low: float = 1, high: float = 5) -> NDArray[np.bool_]:
        """Return bool (n,): which versions have exactly one distortion, of a severity in [low, high]."""
        return np.asarray((self.size == 1) & (self.level >= low) & (self.level <= high))

    def rows(self, mask: NDArray[np.bool_]) -> Outcomes:
        """Return the versions that `mask` (n,) selects."""
        arrays = ("picture", "truth", "probability", "severity")
        return replace(self, **{name: getattr(self, name)[mask] for name in arrays})

    def only(self, labels: Sequence[str]) -> Outcomes:
        """Return the heads of `labels` that are there, in that order, on the versions without other distortions."""
        columns = [self.labels.index(label) for label in labels if label in self.labels]
        others = np.setdiff1d(np.arange(len(self.labels)), columns)
        free = self.present[:, others].sum(axis=1) == 0
        kept = self.rows(free)
        fields: dict[str, Any] = {
            name: getattr(kept, name)[:, columns] for name in ("truth", "probability", "severity")
        }
        for name in ("labels", "families", "thresholds"):
            fields[name] = tuple(getattr(self, name)[i] for i in columns)
        return replace(kept, **fields)

    def from_source(self, source: str) -> Outcomes:
        """Return the versions of the pictures from one source."""
        chosen = np.flatnonzero([name == source for name in self.sources])
        return self.rows(np.isin(self.picture, chosen))
