"""Shards of the joint training without one distortion: made of those that are there, for distorting takes longest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.atomic import write_atomic
from distortion_heads.datasets.clean_pictures import Scenes
from distortion_heads.spec import HeadSpec
from distortion_heads.training.networks.shards import GROUP, ShardPlan, make_shard, read_shard
from distortion_heads.training.networks.train_on_shards import HELD_OUT_SEED_OFFSET, ShardRecipe


def share_shards(
    source: Path, target: Path, scenes: Scenes, recipe: ShardRecipe, specs: Sequence[HeadSpec], without: HeadSpec
) -> None:
    """Give the run in `target` the shards of the run in `source`, less every group that has the distortion `without`.

    Others are repeated in their place. Both runs have the same recipe; the heads of `source` are `specs`.
    """
    plan = ShardPlan(
        folder=source / "shards",
        scenes=scenes.fit,
        seed=recipe.seed,
        native=recipe.shard_native,
        overview=recipe.shard_overview,
        emphasis=recipe.emphasis,
    )
    held = replace(plan, scenes=scenes.hold, seed=plan.seed + HELD_OUT_SEED_OFFSET, native=4 * recipe.shard_native // 3)
    shared = [(plan, i) for i in range(recipe.distinct_shards)] + [(held, 0)]
    for each, index in shared:
        _share(each, replace(each, folder=target / "shards"), specs, without, index)


def _share(source: ShardPlan, target: ShardPlan, specs: Sequence[HeadSpec], without: HeadSpec, index: int) -> None:
    from safetensors.numpy import save

    rest = [spec for spec in specs if spec.label != without.label]
    path = target.folder / f"shard-{target.digest(rest)}-{index:05d}.safetensors"
    if path.exists():
        return
    shard = read_shard(make_shard(source, specs, index))
    column = list(specs).index(without)
    tensors: dict[str, NDArray[np.generic]] = {}
    for view, images, severity in (
        ("native", shard.native, shard.native_severity),
        ("overview", shard.overview, shard.overview_severity),
    ):
        kept = samples_without(severity[:, column])
        tensors[view] = images[kept]
        tensors[f"{view}_severity"] = np.ascontiguousarray(np.delete(severity[kept], column, axis=1))
    target.folder.mkdir(parents=True, exist_ok=True)
    write_atomic(path, save(tensors))


def samples_without(severity: NDArray[np.float32]) -> NDArray[np.int64]:
    """As many samples, whole groups, none of which has the distortion of these severities, (n,), 0 where absent."""
    groups = severity.reshape(-1, GROUP)
    free = np.flatnonzero((groups == 0).all(axis=1))
    chosen: NDArray[np.int64] = np.resize(free, len(groups))
    return (chosen[:, None] * GROUP + np.arange(GROUP)).ravel()
