"""Feature vectors with labels: what a head is trained and measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """`n` images of one view, their windows packed: image i owns `windows[starts[i] : starts[i + 1]]`.

    `windows` float16 or float32 (W, dim); `starts` int64 (n + 1,); `labels` bool (n,); `severity` float32 (n,), NaN
    where unknown or absent; `clean` bool (n,): negatives without any distortion, on which false alarms are counted.
    """

    windows: NDArray[Any]
    starts: NDArray[np.int64]
    labels: NDArray[np.bool_]
    severity: NDArray[np.float32]
    clean: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def pack(
        cls,
        features: Sequence[NDArray[Any]],
        labels: ArrayLike,
        severity: ArrayLike | None = None,
        clean: ArrayLike | None = None,
    ) -> Examples:
        """Pack one (K_i, dim) array per image. Without `clean`, every negative counts as clean."""
        present = np.asarray(labels, bool)
        return cls(
            windows=np.concatenate(features),
            starts=np.concatenate([[0], np.cumsum([len(f) for f in features])]).astype(np.int64),
            labels=present,
            severity=np.full(len(present), np.nan, np.float32)
            if severity is None
            else np.asarray(severity, np.float32),
            clean=~present if clean is None else np.asarray(clean, bool),
        )

    @property
    def owner(self) -> NDArray[np.int64]:
        """The image of each window."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def subset(self, index: NDArray[np.int64]) -> Examples:
        """The images at `index`, in that order."""
        pieces = [self.windows[self.starts[i] : self.starts[i + 1]] for i in index]
        return Examples.pack(pieces, self.labels[index], self.severity[index], self.clean[index])

    def thinned(self, most: int) -> Examples:
        """Every image with fewer of its windows, evenly spread, so that there are about `most` in all."""
        every = -(-len(self.windows) // most)
        if every <= 1:
            return self
        pieces = [self.windows[a:b:every] for a, b in pairwise(self.starts)]
        return Examples.pack(pieces, self.labels, self.severity, self.clean)
