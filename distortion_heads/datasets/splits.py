"""Training, validation and test part of one repetition, by the protocol.

`disjoint`: whole scenes are drawn, so that no scene is in two parts. `shared-scenes`: the records of each scene are
drawn, as in the experiments of Ameur et al. 2022, so that every scene of the test part was trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.record import Record
from distortion_heads.errors import DataError

Protocol: TypeAlias = Literal["disjoint", "shared-scenes"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

TEST_SHARE = 0.2
FULL_SHARE = 1 - TEST_SHARE
VALIDATION_SHARE = 0.2
"""Share of the training part."""

TRIALS = 64

Index: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Partition:
    """Increasing indices, int64, of the records of each part; the parts are disjoint."""

    train: Index
    validation: Index
    test: Index


def split_records(
    records: Sequence[Record],
    scenes: Sequence[int],
    labels: Sequence[str],
    protocol: Protocol,
    *,
    seed: int,
    share: float = FULL_SHARE,
) -> Partition:
    """Draw the parts; `scenes` numbers the scene of each record, see `number_scenes`.

    A fifth is the test part, the same for every `share`; `share` of all, at most 0.8, is trained on, and a fifth of
    that is the validation part. In every part each label is present and absent somewhere, and some record is clean if
    any is. Deterministic in `seed`.

    Raises `DataError` if there is no such split.
    """
    if not 0 < share <= FULL_SHARE + 1e-9:
        raise DataError(f"{share:.0%} of the records cannot be trained on: at most {FULL_SHARE:.0%}, as the rest tests")
    pool = _Pool(
        truth=np.array([[label in record.severities for label in labels] for record in records], bool),
        clean=np.array([record.clean for record in records], bool),
        scenes=np.asarray(scenes, np.int64),
        protocol=protocol,
        labels=tuple(labels),
    )
    test, training = pool.draw(np.arange(len(records)), TEST_SHARE, (seed, 0))
    if share < FULL_SHARE - 1e-9:
        training, _ = pool.draw(training, share / FULL_SHARE, (seed, 1), whole=False)
    validation, train = pool.draw(training, VALIDATION_SHARE, (seed, 2))
    return Partition(train=train, validation=validation, test=test)


def number_scenes(records: Sequence[Record], hashes: Mapping[Path, str]) -> list[int]:
    """Return a number per record, equal in one scene; scenes with a file in common (by content) count as one."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for record in records:
        parent[root(f"scene {record.scene}")] = root(f"file {hashes[record.path]}")
    roots = [root(f"scene {record.scene}") for record in records]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(roots))}
    return [numbers[name] for name in roots]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pool:
    truth: NDArray[np.bool_]
    clean: NDArray[np.bool_]
    scenes: Index
    protocol: Protocol
    labels: tuple[str, ...]

    def draw(self, index: Index, share: float, seed: tuple[int, int], *, whole: bool = True) -> tuple[Index, Index]:
        """Return `share` of `index`, and the rest; both have all that a part needs (the rest only if `whole`)."""
        lacks = ""
        for trial in range(TRIALS):
            rng = np.random.default_rng((*seed, trial))
            taken = self._scenes(index, share, rng) if self.protocol == "disjoint" else self._records(index, share, rng)
            parts = (index[taken], index[~taken])
            lacks = self._lacks(parts[0]) or (whole and self._lacks(parts[1])) or ""
            if not lacks:
                return parts
        hint = "with --labels leave labels out, or give more scenes" if len(self.labels) > 1 else "give more scenes"
        raise DataError(f"no split was found in which each part has {lacks}: {hint}")

    def _scenes(self, index: Index, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        scenes = rng.permutation(np.unique(self.scenes[index]))
        count = min(max(round(share * len(scenes)), 1), len(scenes) - 1)
        chosen: NDArray[np.bool_] = np.isin(self.scenes[index], scenes[: max(count, 0)])
        return chosen

    def _records(self, index: Index, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Sample systematically, scene after scene in a random order, so that of each about `share` is taken."""
        order = np.lexsort((rng.random(len(index)), self.scenes[index], self.clean[index]))
        steps = np.floor(np.arange(len(index) + 1) * share + rng.random())
        taken = np.zeros(len(index), bool)
        taken[order] = np.diff(steps) > 0
        return taken

    def _lacks(self, part: Index) -> str:
        """Return what a part needs and does not have; empty if it has all."""
        for column, label in enumerate(self.labels):
            present = self.truth[part, column]
            if not present.any() or present.all():
                return f"records with and without {label!r}"
        return "clean records" if self.clean.any() and not self.clean[part].any() else ""
