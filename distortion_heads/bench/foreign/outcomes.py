"""Answers for versions whose families are known: the arrays behind every figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.foreign.versions import Version
from distortion_heads.bench.shared.judge import Judged


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """`n` versions and what was said of each: (n, families) each, and (n, 3) of the hand-made measures.

    `picture` int64 (n,): which picture each is a version of.
    """

    families: tuple[str, ...]
    versions: tuple[Version, ...]
    picture: NDArray[np.int64]
    truth: NDArray[np.bool_]
    found: NDArray[np.bool_]
    probability: NDArray[np.float64]
    handmade: NDArray[np.float64]

    def rows(self, chosen: NDArray[np.bool_]) -> Outcomes:
        """Return the versions that `chosen` (n,) selects."""
        arrays = ("picture", "truth", "found", "probability", "handmade")
        versions = tuple(self.versions[i] for i in np.flatnonzero(chosen))
        return replace(self, versions=versions, **{name: getattr(self, name)[chosen] for name in arrays})

    def where(self, wanted: Callable[[Version], bool]) -> Outcomes:
        """Return the versions that `wanted` accepts."""
        return self.rows(np.array([wanted(version) for version in self.versions], np.bool_))

    def columns(self, families: Sequence[str]) -> NDArray[np.int64]:
        """Return the column of each family."""
        return np.array([self.families.index(family) for family in families], np.int64)


def collect(families: tuple[str, ...], versions: Sequence[Sequence[Version]], answers: Sequence[Judged]) -> Outcomes:
    """Put the pictures' versions and answers together, picture by picture."""
    everything = tuple(version for of_picture in versions for version in of_picture)
    truth = [[family in version.families for family in families] for version in everything]
    return Outcomes(
        families=families,
        versions=everything,
        picture=np.repeat(np.arange(len(versions)), [len(of_picture) for of_picture in versions]),
        truth=np.array(truth, np.bool_).reshape(len(everything), len(families)),
        found=np.concatenate([answer.present for answer in answers]),
        probability=np.concatenate([answer.probability for answer in answers]),
        handmade=np.concatenate([answer.handmade for answer in answers]),
    )
