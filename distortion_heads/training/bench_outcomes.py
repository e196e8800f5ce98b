"""What heads said about pictures whose distortions are known: the arrays that every accuracy figure is computed from."""

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
        return self.probability >= np.asarray(self.thresholds)

    @cached_property
    def size(self) -> NDArray[np.int64]:
        """(n,): how many distortions were made; 0 is a clean picture."""
        return self.present.sum(axis=1)

    @property
    def clean(self) -> NDArray[np.bool_]:
        """(n,): the pictures as they were."""
        return self.size == 0

    def singles(self, low: float = 1, high: float = 5) -> NDArray[np.bool_]:
        """(n,): the versions with exactly one distortion, of a severity in [low, high]."""
        level = self.truth.max(axis=1)
        return (self.size == 1) & (level >= low) & (level <= high)

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
        """The heads of `labels` that are there, on the versions that have no other distortion."""
        columns = [i for i, label in enumerate(self.labels) if label in labels]
        others = np.setdiff1d(np.arange(len(self.labels)), columns)
        kept = self.rows(~self.present[:, others].any(axis=1))
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
        return self.rows(np.asarray(self.sources)[self.picture] == source)
