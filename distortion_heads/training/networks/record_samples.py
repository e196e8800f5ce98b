"""Labelled records as training samples: patches of pixels, or features that were computed once; and their batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from distortion_heads._system.threads import helpers, ordered
from distortion_heads.datasets.clips import read_pictures
from distortion_heads.datasets.labelled_image import FRAMES
from distortion_heads.datasets.record import Record
from distortion_heads.training.networks.processes import Processes
from distortion_heads.training.networks.recipes import RecordRecipe
from distortion_heads.views.patches import PatchGrid

READERS, AHEAD = 4, 3
"""Threads that read pictures, and batches that they are ahead."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Targets:
    """`presence` float32 (n, N), 0 or 1; `severity` float32 (n, N), NaN where absent or unknown.

    `quality` float32 (n,), NaN where there is no opinion. Or `scores` float32 (n, N), in [0, 1], NaN where
    unknown: then these are learnt, and nothing else.
    """

    presence: NDArray[np.float32]
    severity: NDArray[np.float32]
    quality: NDArray[np.float32]
    scores: NDArray[np.float32] | None = None

    @classmethod
    def of(
        cls, records: Sequence[Record], labels: Sequence[str], quality: NDArray[np.float32] | None = None
    ) -> Targets:
        severity = [[record.severities.get(label, np.nan) for label in labels] for record in records]
        presence = [[label in record.severities for label in labels] for record in records]
        shape = (len(records), len(labels))
        return cls(
            presence=np.array(presence, np.float32).reshape(shape),
            severity=np.array(severity, np.float32).reshape(shape),
            quality=np.full(len(records), np.nan, np.float32) if quality is None else quality,
        )

    @classmethod
    def of_scores(cls, scores: NDArray[np.float32]) -> Targets:
        nothing = np.zeros((len(scores), 0), np.float32)
        unrated = np.full(len(scores), np.nan, np.float32)
        return cls(presence=nothing, severity=nothing, quality=unrated, scores=scores)

    @property
    def heads(self) -> int:
        return int((self.presence if self.scores is None else self.scores).shape[1])

    def __len__(self) -> int:
        return len(self.presence)


class Samples(Protocol):
    """Samples to train on or to validate with."""

    @property
    def targets(self) -> Targets: ...

    def load(self, index: int, rng: np.random.Generator | None) -> NDArray[Any]:
        """All that the network sees of one record: (K, ...), K >= 1; drawn with `rng`, or as in prediction."""
        ...


@dataclass(eq=False)
class Memory:
    """Decoded pictures of the first records that fit into `room` bytes: each epoch asks for them again."""

    room: int = 1 << 30
    _kept: dict[int, Sequence[NDArray[np.uint8]]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def of(self, index: int, read: Callable[[], Sequence[NDArray[np.uint8]]]) -> Sequence[NDArray[np.uint8]]:
        """Return the pictures of a record, from `read` if they are not kept."""
        found = self._kept.get(index)
        if found is None:
            found = read()
            size = sum(picture.nbytes for picture in found)
            with self._lock:
                if size <= self.room and index not in self._kept:
                    self.room -= size
                    self._kept[index] = found
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchSamples:
    """Patches uint8 (K, 3, side, side), of `frames` frames of a video; random ones have `crop` pixels a side, if given.

    Raises `InputError` for an unreadable record.
    """

    records: Sequence[Record]
    targets: Targets
    grid: PatchGrid
    random_patches: int
    frames: int = FRAMES
    crop: int | None = None
    memory: Memory = field(default_factory=Memory)

    def load(self, index: int, rng: np.random.Generator | None) -> NDArray[np.uint8]:
        pictures = self.memory.of(index, lambda: read_pictures(self.records[index], self.frames))
        if rng is None or not self.random_patches:
            patches = [self.grid.cut(picture) for picture in pictures]
        else:
            count = max(self.random_patches // len(pictures), 1)
            grid = self.grid if self.crop is None else replace(self.grid, side=self.crop)
            patches = [grid.cut_randomly(picture, count, rng) for picture in pictures]
        return np.ascontiguousarray(np.concatenate(patches).transpose(0, 3, 1, 2))


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureSamples:
    """Features float16 or float32 (K, dim) of a frozen backbone."""

    windows: Sequence[NDArray[Any]]
    targets: Targets

    def load(self, index: int, rng: np.random.Generator | None) -> NDArray[Any]:
        return self.windows[index]


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """The share of one process. P patches of n records: `x` (P, ...); `masks`: see `Towers`; `owner` int64 (P,).

    `weight` float32 (P,): 1 / (patches of its record * records in the whole batch).
    """

    x: Tensor
    masks: tuple[Tensor, ...]
    owner: Tensor
    weight: Tensor
    presence: Tensor
    severity: Tensor
    quality: Tensor
    scores: Tensor | None = None


def steps_per_epoch(count: int, recipe: RecordRecipe) -> int:
    """An incomplete last batch is left out; its records have other places in the next epoch."""
    return max(count // recipe.images_per_batch, 1)


def stream(samples: Samples, recipe: RecordRecipe, processes: Processes, start: int, stop: int) -> Iterator[Batch]:
    """The batches of the steps from `start`, read ahead in threads; what they hold depends on the step alone.

    All chance comes from (seed, epoch, record), so that several processes see together what one would see alone.
    """
    count = len(samples.targets)
    size, per_epoch = min(recipe.images_per_batch, count), steps_per_epoch(count, recipe)
    with helpers(READERS, "read") as pool:

        def submit(step: int) -> _Pending:
            epoch, place = divmod(step, per_epoch)
            order = np.random.default_rng((recipe.seed, epoch)).permutation(count)
            mine = order[place * size : (place + 1) * size][processes.rank :: processes.size]
            made = [pool.submit(_load, samples, recipe, epoch, int(i)) for i in mine]
            return _Pending(mine, made, samples.targets, size)

        yield from ordered(range(start, stop), submit, AHEAD + 1)


@dataclass(frozen=True, eq=False)
class _Loaded:
    x: NDArray[Any]
    masks: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True, eq=False)
class _Pending:
    """A batch whose records are being read."""

    index: NDArray[np.int64]
    records: Sequence[Future[_Loaded]]
    targets: Targets
    size: int

    def result(self) -> Batch:
        return _collate([record.result() for record in self.records], self.targets, self.index, self.size)


def _load(samples: Samples, recipe: RecordRecipe, epoch: int, index: int) -> _Loaded:
    rng = np.random.default_rng((recipe.seed, epoch, index))
    x = samples.load(index, rng)
    shape = (len(x), samples.targets.heads)
    masks = (
        (rng.random((*shape, width), np.float32) >= dropout) * np.float32(1 / (1 - dropout))
        for width, dropout in zip(recipe.hidden, recipe.dropouts, strict=True)
    )
    return _Loaded(x, tuple(masks))


def _collate(loaded: Sequence[_Loaded], targets: Targets, index: NDArray[np.int64], size: int) -> Batch:
    counts = [len(one.x) for one in loaded]
    owner = np.repeat(np.arange(len(loaded)), counts)
    weight = np.repeat([1 / (count * size) for count in counts], counts).astype(np.float32)
    masks = (np.concatenate(layer) for layer in zip(*(one.masks for one in loaded), strict=True))
    return Batch(
        x=torch.from_numpy(np.concatenate([one.x for one in loaded])),
        masks=tuple(torch.from_numpy(mask) for mask in masks),
        owner=torch.from_numpy(owner),
        weight=torch.from_numpy(weight),
        presence=torch.from_numpy(targets.presence[index]),
        severity=torch.from_numpy(targets.severity[index]),
        quality=torch.from_numpy(targets.quality[index]),
        scores=None if targets.scores is None else torch.from_numpy(targets.scores[index]),
    )
