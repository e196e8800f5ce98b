"""Samples for family heads: good pictures with faults, handed on, and their features; kept in blocks on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.processes import Each, in_processes, per_process
from distortion_heads.backbones.base import FeatureSource
from distortion_heads.backbones.open import open_backbone
from distortion_heads.backbones.read_views import scene_features
from distortion_heads.datasets.clean_pictures import content_digest
from distortion_heads.datasets.mixed_samples import draw_picture
from distortion_heads.registry.backbones import read_ref
from distortion_heads.registry.build import build_registry
from distortion_heads.spec import FULL, BackboneSpec, View, view_key, width_of
from distortion_heads.synthesis.mixtures import FamilyOperators, MixedPicture, operators_of
from distortion_heads.training.features.blocks import block_files, make_missing, read_blocks, write_block
from distortion_heads.views.scene import Scene, scene_of
from distortion_heads.views.windows import native_view, native_windows

PER_BLOCK = 50

_ARRAYS = ("native", "counts", "sharp", "picture", "loss")


@dataclass(frozen=True, kw_only=True)
class FamilyPlan:
    """`count` samples of `scenes` (reduced, without a camera's marks) and of `found`, kept in blocks in `folder`."""

    folder: Path
    name: str
    scenes: tuple[Path, ...]
    found: tuple[Path, ...]
    count: int
    seed: int
    backbone: BackboneSpec
    families: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        parts = (
            content_digest(self.scenes),
            content_digest(self.found),
            read_ref(self.backbone).fingerprint,
            view_key(FULL),
        )
        return hashlib.sha256(repr((*parts, self.seed, self.families, PER_BLOCK)).encode()).hexdigest()[:12]

    @property
    def blocks(self) -> tuple[Path, ...]:
        """The files of all blocks."""
        return block_files(self.folder, f"{self.name}-{self.digest}", self.count, PER_BLOCK)


@dataclass(frozen=True, kw_only=True, eq=False)
class FamilySamples:
    """Features of n samples, float16, and how much of each family's fault is seen.

    `native` (windows, dim), and of the whole `picture` (n, `width_of("full", dim) - dim`) what the view "full" holds
    beside them. `loss` float32 (n, families) is what people's opinion falls by, NaN where it is not known; `sharp`
    float32, a number for each native window: how much of it is in focus.
    """

    native: NDArray[np.float16]
    starts: NDArray[np.int64]
    sharp: NDArray[np.float32]
    picture: NDArray[np.float16]
    loss: NDArray[np.float32]

    def view(self, view: View) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
        """Return the windows of a view, and where those of each sample begin and the last end."""
        if view == "native":
            return self.native, self.starts
        if view == FULL:
            return np.concatenate([self.native, self.picture[self.owner]], axis=1), self.starts
        return self.picture[:, : width_of(view, self.native.shape[1])], np.arange(len(self.picture) + 1)

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """The sample to which each native window belongs."""
        return np.repeat(np.arange(len(self.picture)), np.diff(self.starts))


def collect_samples(plan: FamilyPlan, workers: int, each: Each = in_processes) -> Iterator[int]:
    """Make the blocks that are missing; yields the number of samples done so far."""
    return make_missing(plan.blocks, partial(_make_block, plan), PER_BLOCK, workers, each)


def read_samples(plan: FamilyPlan) -> FamilySamples:
    """Read all blocks. Raises `DataError` if one of them is not what `collect_samples` writes."""
    whole = read_blocks(plan.blocks, _ARRAYS)
    starts = np.concatenate([[0], np.cumsum(whole.pop("counts"))]).astype(np.int64)
    return FamilySamples(starts=starts, **whole)


def full_features(
    backbone: FeatureSource, scene: Scene, most_windows: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the view "full" of a scene in two: its native windows (K, dim), and what all of them have beside them."""
    full = scene_features(backbone, scene, (FULL,), max_windows=most_windows)[FULL]
    return full[:, : backbone.ref.dim], full[0, backbone.ref.dim :]


@dataclass(frozen=True, kw_only=True)
class SampleMaker:
    """The distortions that a process makes samples with, by family, and the backbone that reads them."""

    operators: dict[str, FamilyOperators]
    backbone: FeatureSource


class SamplePlan(Hashable, Protocol):
    """Whatever says on which backbone samples of which families are made."""

    @property
    def backbone(self) -> BackboneSpec: ...
    @property
    def families(self) -> tuple[str, ...]: ...


def sample_maker(plan: SamplePlan) -> SampleMaker:
    """Return what this process makes the samples of `plan` with: opened once, on one thread."""
    return per_process(_open, plan)


def _open(plan: SamplePlan) -> SampleMaker:
    specs = {label: head.spec for label, head in build_registry().heads.items()}
    return SampleMaker(operators=operators_of(specs, plan.families), backbone=open_backbone(plan.backbone, threads=1))


def _make_block(plan: FamilyPlan, index: int) -> None:
    maker = sample_maker(plan)
    rows = [_sample(plan, maker, (plan.seed, index, i)) for i in range(PER_BLOCK)]
    tensors: dict[str, NDArray[Any]] = {
        "native": np.concatenate([row["native"] for row in rows]).astype(np.float16),
        "counts": np.array([len(row["native"]) for row in rows], np.int64),
        "sharp": np.concatenate([row["sharp"] for row in rows]),
        "picture": np.stack([row["picture"] for row in rows]).astype(np.float16),
        "loss": np.stack([row["loss"] for row in rows]),
    }
    write_block(plan.blocks[index], tensors, {"families": json.dumps(plan.families)})


def _sample(plan: FamilyPlan, maker: SampleMaker, seed: tuple[int, int, int]) -> dict[str, NDArray[np.float32]]:
    made = draw_picture(plan.scenes, plan.found, maker.operators, seed)
    native, picture = full_features(maker.backbone, scene_of(made.pixels))
    loss = np.zeros(len(plan.families), np.float32)
    for fault in made.faults:
        loss[plan.families.index(fault.family)] = fault.seen.loss
    return {"native": native, "picture": picture, "sharp": _in_focus(made, len(native)), "loss": loss}


def _in_focus(made: MixedPicture, windows: int) -> NDArray[np.float32]:
    """Return how much of each native window is in focus: 1 but where focus is shallow."""
    from PIL import Image

    if made.focus is None:
        return np.ones(windows, np.float32)
    height, width = made.pixels.shape[:2]
    small = Image.fromarray((made.focus * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BOX)
    canvas = native_view(np.repeat(np.asarray(small)[..., np.newaxis], 3, axis=2))
    shares = [canvas.crop(window)[..., 0].mean() / 255 for window in native_windows(canvas.rows, canvas.columns)]
    return np.array(shares if len(shares) == windows else np.ones(windows), np.float32)
