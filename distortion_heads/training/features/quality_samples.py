"""Samples for quality heads: series of good and ever worse pictures, and their features; kept in blocks on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.processes import Each, in_processes
from distortion_heads.datasets.clean_pictures import content_digest
from distortion_heads.datasets.mixed_samples import cut_piece
from distortion_heads.registry.backbones import read_ref
from distortion_heads.spec import FULL, BackboneSpec, view_key
from distortion_heads.synthesis.series import BROAD, STRENGTHS, Graded, Odds, draw_series, graded_series
from distortion_heads.training.features.blocks import block_files, make_missing, read_blocks, write_block
from distortion_heads.training.features.family_samples import SampleMaker, full_features, sample_maker
from distortion_heads.views.scene import scene_of

SERIES_PER_BLOCK = 10
PER_BLOCK = SERIES_PER_BLOCK * (1 + STRENGTHS)

_ARRAYS = ("native", "counts", "picture", "seen", "mean", "severity", "kind", "scene", "reduced")


@dataclass(frozen=True, kw_only=True)
class QualityPlan:
    """`count` samples of `scenes` (reduced, without a camera's marks) and of `found`, kept in blocks in `folder`.

    `kinds` are the names that samples may have: labels of heads and names of makes. `odds` of what is wrong with them,
    and the share `found_odds` of series that start from a picture as it was found, go with the name of the plan.
    """

    folder: Path
    name: str
    scenes: tuple[Path, ...]
    found: tuple[Path, ...]
    count: int
    seed: int
    backbone: BackboneSpec
    families: tuple[str, ...]
    kinds: tuple[str, ...]
    odds: Odds = BROAD
    found_odds: float = 0.2

    @cached_property
    def digest(self) -> str:
        parts = (
            content_digest(self.scenes),
            content_digest(self.found),
            read_ref(self.backbone).fingerprint,
            view_key(FULL),
        )
        return hashlib.sha256(repr((*parts, self.seed, self.families, self.kinds)).encode()).hexdigest()[:12]

    @property
    def blocks(self) -> tuple[Path, ...]:
        """The files of all blocks."""
        return block_files(self.folder, f"{self.name}-{self.digest}", self.count, PER_BLOCK)


@dataclass(frozen=True, kw_only=True, eq=False)
class QualitySamples:
    """Features of n samples in series of `1 + STRENGTHS`, good one first, float16; what is known of each.

    `native` and `picture`: as in `FamilySamples`.

    `seen` float32 (n, 3): differences of structure, colour and light to the good one; `mean` float32 (n,): people's
    opinion of such a fault, NaN where they were not asked; `kind` int64 (n,): its place in the plan's kinds, -1 for a
    good picture or a mixture; `scene` int64 (n,): scenes, then pictures as found; `reduced` uint8 (n,): 1 where the
    picture was made smaller after the fault.
    """

    native: NDArray[np.float16]
    starts: NDArray[np.int64]
    picture: NDArray[np.float16]
    seen: NDArray[np.float32]
    mean: NDArray[np.float32]
    severity: NDArray[np.float32]
    kind: NDArray[np.int64]
    scene: NDArray[np.int64]
    reduced: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.mean)


def collect_samples(plan: QualityPlan, workers: int, each: Each = in_processes) -> Iterator[int]:
    """Make the blocks that are missing; yields the number of samples done so far."""
    return make_missing(plan.blocks, partial(_make_block, plan), PER_BLOCK, workers, each)


def read_samples(*plans: QualityPlan) -> QualitySamples:
    """Read all blocks. Raises `DataError` if one of them is not what `collect_samples` writes."""
    whole = read_blocks([block for plan in plans for block in plan.blocks], _ARRAYS)
    starts = np.concatenate([[0], np.cumsum(whole.pop("counts"))]).astype(np.int64)
    return QualitySamples(starts=starts, **whole)


def _make_block(plan: QualityPlan, index: int) -> None:
    maker = sample_maker(plan)
    rows = [row for i in range(SERIES_PER_BLOCK) for row in _series(plan, maker, (plan.seed, index, i))]
    tensors: dict[str, NDArray[Any]] = {
        "native": np.concatenate([row["native"] for row in rows]).astype(np.float16),
        "counts": np.array([len(row["native"]) for row in rows], np.int64),
        "picture": np.stack([row["picture"] for row in rows]).astype(np.float16),
        **{name: np.stack([row[name] for row in rows]) for name in _ARRAYS[3:]},
    }
    write_block(plan.blocks[index], tensors)


def _series(plan: QualityPlan, maker: SampleMaker, seed: tuple[int, int, int]) -> list[dict[str, NDArray[Any]]]:
    rng = np.random.default_rng((*seed, 1))
    found = bool(plan.found) and rng.random() < plan.found_odds
    paths = plan.found if found else plan.scenes
    place = int(rng.integers(len(paths)))
    image = cut_piece(paths[place], rng)
    drawn = draw_series(maker.operators, rng, plan.odds)
    graded = graded_series(image, drawn, seed, untouched=not found)
    scene = place + found * len(plan.scenes)
    return [_row(plan, maker, picture, scene, picture.pixels.shape != image.shape) for picture in graded]


def _row(plan: QualityPlan, maker: SampleMaker, picture: Graded, scene: int, reduced: bool) -> dict[str, NDArray[Any]]:
    native, whole = full_features(maker.backbone, scene_of(picture.pixels))
    seen = picture.seen
    return {
        "native": native,
        "picture": whole,
        "seen": np.array([seen.structure, seen.colour, seen.light], np.float32),
        "mean": np.array(np.nan if picture.mean is None else picture.mean, np.float32),
        "severity": np.array(picture.severity, np.float32),
        "kind": np.array(plan.kinds.index(picture.label) if picture.label else -1, np.int64),
        "scene": np.array(scene, np.int64),
        "reduced": np.array(reduced, np.uint8),
    }
