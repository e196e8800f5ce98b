"""Whole distorted pictures and their features through the path that predicts: what the bundled heads are fitted on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.processes import Each, in_processes, per_process
from distortion_heads.backbones.base import FeatureSource
from distortion_heads.backbones.open import open_backbone
from distortion_heads.backbones.read_views import scene_features
from distortion_heads.datasets.clean_pictures import content_digest, cut_picture, load_scene
from distortion_heads.datasets.shards import (
    MIXTURE_SEVERITIES,
    draw_rival,
    installed_specs,
    make_sample,
    severity_row,
)
from distortion_heads.registry.backbones import read_ref
from distortion_heads.spec import LIGHT, BackboneSpec, HeadSpec, View, view_key
from distortion_heads.synthesis.distort import draw_mixture
from distortion_heads.synthesis.reencode import reencode
from distortion_heads.training.features.blocks import block_files, make_missing, read_blocks
from distortion_heads.training.features.examples import Examples
from distortion_heads.views.light import light_statistics
from distortion_heads.views.scene import scene_of

PER_BLOCK = 100
GROUP = 5
"""Pictures made of one cut-out: clean, with a distortion, with its rival, with a mixture of two, of two or three."""

SIDES = (224, 352)
"""Sides are drawn from this range: most pictures are one window, many are several."""

VIDEO_ODDS = 0.1
"""How often a picture is a decoded frame of a video, unless the plan says otherwise."""

_PARTS = ("native", "counts", "overview", "light", "severity")


@dataclass(frozen=True, kw_only=True)
class PicturePlan:
    """`count` pictures of `scenes`, made in blocks that are kept in `folder`; everything else decides the content."""

    folder: Path
    name: str
    scenes: tuple[Path, ...]
    count: int
    seed: int
    backbone: BackboneSpec
    labels: tuple[str, ...]
    video_odds: float = VIDEO_ODDS

    @cached_property
    def digest(self) -> str:
        """Names the blocks, so that those of another backbone, of other scenes or heads are never taken for these."""
        fingerprint = read_ref(self.backbone).fingerprint
        made = (self.seed, self.labels, PER_BLOCK, GROUP, SIDES, self.video_odds, view_key(LIGHT))
        parts = (content_digest(self.scenes), fingerprint, *made)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]

    @property
    def blocks(self) -> tuple[Path, ...]:
        """The files of all blocks."""
        return block_files(self.folder, f"{self.name}-{self.digest}", self.count, PER_BLOCK)


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureSet:
    """Features of both views and light statistics of n pictures, float16, and the severities.

    Severities are float32 (n, heads), 0 where the distortion is absent.
    """

    native: NDArray[np.float16]
    starts: NDArray[np.int64]
    overview: NDArray[np.float16]
    light: NDArray[np.float16]
    severity: NDArray[np.float32]

    def examples(self, head: int, view: View) -> Examples:
        """The pictures as examples for one head."""
        severity = self.severity[:, head]
        n = len(severity)
        distorted = np.asarray((self.severity > 0).any(1))
        return Examples(
            windows=self._windows(view),
            starts=self.starts if view == "native" else np.arange(n + 1),
            labels=severity > 0,
            severity=np.where(severity > 0, severity, np.float32(np.nan)),
            clean=~distorted,
        )

    def _windows(self, view: View) -> NDArray[np.float16]:
        if view == LIGHT:
            return self._overview_and_light
        return self.native if view == "native" else self.overview

    @cached_property
    def _overview_and_light(self) -> NDArray[np.float16]:
        return np.concatenate([self.overview, self.light], axis=1)


def with_family(all_heads: FeatureSet, family: FeatureSet, columns: Sequence[int]) -> FeatureSet:
    """Append pictures of some heads, those in `columns`; the other heads' distortions are absent from them."""
    severity = np.zeros((len(family.severity), all_heads.severity.shape[1]), np.float32)
    severity[:, list(columns)] = family.severity
    return FeatureSet(
        native=np.concatenate([all_heads.native, family.native]),
        starts=np.concatenate([all_heads.starts, all_heads.starts[-1] + family.starts[1:]]),
        overview=np.concatenate([all_heads.overview, family.overview]),
        light=np.concatenate([all_heads.light, family.light]),
        severity=np.concatenate([all_heads.severity, severity]),
    )


def collect(plan: PicturePlan, workers: int, each: Each = in_processes) -> Iterator[int]:
    """Make the blocks that are missing; yields the number of pictures done so far."""
    return make_missing(plan.blocks, partial(_make_block, plan), PER_BLOCK, workers, each)


def read_features(plan: PicturePlan) -> FeatureSet:
    """Read all blocks. Raises `DataError` if one of them is not what `collect` writes."""
    whole = read_blocks(plan.blocks, _PARTS)
    starts = np.concatenate([[0], np.cumsum(whole.pop("counts"))]).astype(np.int64)
    return FeatureSet(starts=starts, **whole)


@dataclass(frozen=True)
class _Worker:
    plan: PicturePlan
    specs: tuple[HeadSpec, ...]
    backbone: FeatureSource


def _open(plan: PicturePlan) -> _Worker:
    return _Worker(plan, installed_specs(plan.labels), open_backbone(plan.backbone, threads=1))


def _make_block(plan: PicturePlan, index: int) -> None:
    from safetensors.numpy import save

    worker = per_process(_open, plan)
    rows = [row for i in range(PER_BLOCK // GROUP) for row in _make_group(worker, index * PER_BLOCK // GROUP + i)]
    tensors: dict[str, NDArray[np.generic]] = {
        "native": np.concatenate([row.native for row in rows]).astype(np.float16),
        "counts": np.array([len(row.native) for row in rows], np.int64),
        "overview": np.concatenate([row.overview for row in rows]).astype(np.float16),
        "light": np.stack([row.light for row in rows]).astype(np.float16),
        "severity": np.stack([row.severity for row in rows]),
    }
    plan.folder.mkdir(parents=True, exist_ok=True)
    write_atomic(plan.blocks[index], save(tensors))


@dataclass(frozen=True, eq=False)
class _Row:
    native: NDArray[np.float32]
    overview: NDArray[np.float32]
    light: NDArray[np.float32]
    severity: NDArray[np.float32]


def _make_group(worker: _Worker, index: int) -> list[_Row]:
    plan, specs = worker.plan, worker.specs
    rng = np.random.default_rng((plan.seed, 2, index))
    clean = cut_picture(load_scene(plan.scenes[index % len(plan.scenes)]), SIDES, rng)
    single = draw_mixture(specs, 1, rng)
    sizes = (2, int(rng.integers(2, 4)))
    mixtures = [draw_mixture(specs, size, rng, severities=MIXTURE_SEVERITIES) for size in sizes]
    rows = []
    for steps in ((), single, draw_rival(specs, single[0], rng), *mixtures):
        image = make_sample(clean, steps, rng)
        if rng.random() < plan.video_odds:
            image = reencode(image, rng)
        scene = scene_of(image)
        features = scene_features(worker.backbone, scene, ("native", "overview"))
        light = light_statistics(scene.pixels, mask=scene.mask)
        rows.append(_Row(features["native"], features["overview"], light, severity_row(specs, steps)))
    return rows
