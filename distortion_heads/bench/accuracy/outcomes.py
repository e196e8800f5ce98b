"""What heads said about pictures whose distortions are known: the arrays behind every accuracy figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

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
        fires: NDArray[np.bool_] = self.probability >= np.asarray(self.thresholds)
        return fires

    @cached_property
    def size(self) -> NDArray[np.int64]:
        """(n,): how many distortions were made; 0 is a clean picture."""
        size: NDArray[np.int64] = self.present.sum(axis=1)
        return size

    @cached_property
    def level(self) -> NDArray[np.floating]:
        """(n,): the highest severity; 0 for a clean picture."""
        level: NDArray[np.floating] = self.truth.max(axis=1, initial=0)
        return level

    @property
    def clean(self) -> NDArray[np.bool_]:
        """(n,): the pictures as they were."""
        clean: NDArray[np.bool_] = self.size == 0
        return clean

    def singles(self, low: float = 1, high: float = 5) -> NDArray[np.bool_]:
        """(n,): the versions with exactly one distortion, of a severity in [low, high]."""
        chosen: NDArray[np.bool_] = (self.size == 1) & (self.level >= low) & (self.level <= high)
        return chosen

    def rows(self, mask: NDArray[np.bool_]) -> Outcomes:
        """The versions that `mask` (n,) selects."""
        return replace(
            self,
            picture=self.picture[mask],
            truth=self.truth[mask],
            probability=self.probability[mask],
            severity=self.severity[mask],
        )

    def only(self, labels: Sequence[str]) -> Outcomes:
        """Those heads of `labels` that are there, in that order, on the versions that have no other distortion."""
        columns = [self.labels.index(label) for label in labels if label in self.labels]
        others = np.setdiff1d(np.arange(len(self.labels)), columns)
        free = self.present[:, others].sum(axis=1) == 0
        kept = self.rows(free)
        return replace(
            kept,
            labels=tuple(self.labels[i] for i in columns),
            families=tuple(self.families[i] for i in columns),
            thresholds=tuple(self.thresholds[i] for i in columns),
            truth=kept.truth[:, columns],
            probability=kept.probability[:, columns],
            severity=kept.severity[:, columns],
        )

    def from_source(self, source: str) -> Outcomes:
        """The versions of the pictures from one source."""
        chosen = np.flatnonzero([name == source for name in self.sources])
        return self.rows(np.isin(self.picture, chosen))
