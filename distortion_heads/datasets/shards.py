"""Training samples, made in the background and kept on disk in shards.

Shard k of a seed is always the same bytes, whoever makes it and whenever: a run that was killed goes on where it
stopped, and a shard that is there already is only read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.processes import start_workers
from distortion_heads._system.threads import ordered
from distortion_heads.datasets.clean_pictures import (
    content_digest,
    cut_native,
    cut_overview,
    cut_square,
    load_scene,
    pick,
    recompress,
    reduce_to,
)
from distortion_heads.datasets.mixed_samples import draw_picture
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.spec import FAMILY, KIND, HeadSpec, View, is_coarse
from distortion_heads.synthesis.distort import Step, distort, draw_mixture
from distortion_heads.synthesis.mixtures import FamilyOperators, Fault, operators_of
from distortion_heads.synthesis.visibility import seen_from, severity_of

NATIVE_SIDE = 160
OVERVIEW_SIDE = 128
GROUP = 4
"""Samples cut from one place of one scene: clean, with a distortion, with its rival, with a mixture.

Of a picture with a mixture as it reaches us as many crops are cut.
"""

THREE = 0.3
"""Share of the mixtures that are of three distortions; the others are of two."""

MIXTURE_SEVERITIES = (1.75, 5.0)
"""In mixtures the faint ones are left out, since the others hide them."""


@dataclass(frozen=True, kw_only=True)
class ShardPlan:
    """The plan of the shards; everything but `folder` decides their content.

    `native` and `overview` count the samples of a shard that come in groups, multiples of `GROUP`. The labels in
    `emphasis` are drawn four times as often as the others. `mixed`, another multiple of `GROUP`, counts pictures with
    mixtures as they reach us, of `scenes` and of those that were `found`: each gives `GROUP` native crops and one
    overview. They alone show families, and what of a fault can be seen.
    """

    folder: Path
    scenes: tuple[Path, ...]
    seed: int
    native: int = 768
    overview: int = 384
    emphasis: tuple[str, ...] = ()
    mixed: int = 0
    found: tuple[Path, ...] = ()

    def counts(self) -> tuple[int, int]:
        """Return the number of native samples of a shard, and of overviews."""
        return self.native + GROUP * self.mixed, self.overview + self.mixed

    def digest(self, specs: Sequence[HeadSpec]) -> str:
        """Names the shards, so that those of another plan, of other scenes or heads are never taken for these."""
        mixed = (self.mixed, content_digest(self.found)) if self.mixed else ()
        parts = (content_digest(self.scenes), self.seed, self.native, self.overview, self.emphasis, GROUP, *mixed)
        drawn = [(spec.label, not is_coarse(spec.view)) for spec in specs]
        return hashlib.sha256(repr((*parts, drawn)).encode()).hexdigest()[:12]


@dataclass(frozen=True, eq=False)
class Shard:
    """Samples of both views. Images uint8 (n, side, side, 3).

    Severities are float32 (n, heads): 0 where a head's distortion is absent, NaN where that is not known.
    """

    native: NDArray[np.uint8]
    native_severity: NDArray[np.float32]
    overview: NDArray[np.uint8]
    overview_severity: NDArray[np.float32]


def make_shard(plan: ShardPlan, specs: Sequence[HeadSpec], index: int) -> Path:
    """Make shard `index` unless it is there, and return its file."""
    from safetensors.numpy import save

    path = plan.folder / f"shard-{plan.digest(specs)}-{index:05d}.safetensors"
    if path.exists():
        return path
    native, overview = _Samples(specs, "native", plan.emphasis), _Samples(specs, "overview", plan.emphasis)
    for i in range(plan.native // GROUP):
        rng = np.random.default_rng((plan.seed, index, 0, i))
        native.add_group(cut_native(load_scene(pick(plan.scenes, rng)), NATIVE_SIDE, rng), rng)
    for i in range(plan.overview // GROUP):
        rng = np.random.default_rng((plan.seed, index, 1, i))
        overview.add_group(cut_overview(load_scene(pick(plan.scenes, rng)), OVERVIEW_SIDE, rng), rng)
    operators = operators_of({spec.label: spec for spec in specs}, families_in(specs)) if plan.mixed else {}
    for i in range(plan.mixed):
        _add_mixed(plan, operators, (plan.seed, index, 2, i), native, overview)
    tensors: dict[str, NDArray[np.generic]] = {
        "native": np.stack(native.images),
        "native_severity": np.stack(native.severities),
        "overview": np.stack([reduce_to(image, OVERVIEW_SIDE) for image in overview.images]),
        "overview_severity": np.stack(overview.severities),
    }
    plan.folder.mkdir(parents=True, exist_ok=True)
    write_atomic(path, save(tensors))
    return path


class _Samples:
    """Distorted samples of one view and their labels."""

    def __init__(self, specs: Sequence[HeadSpec], view: View, emphasis: tuple[str, ...]) -> None:
        self.specs = specs
        self.kinds = [spec for spec in specs if spec.scope == KIND]
        self.images: list[NDArray[np.uint8]] = []
        self.severities: list[NDArray[np.float32]] = []
        weights = emphasised(self.kinds, emphasis) * [
            1.0 if is_coarse(spec.view) == is_coarse(view) else 0.4 for spec in self.kinds
        ]
        self.weights = weights / weights.sum()

    def add_group(self, clean: NDArray[np.uint8], rng: np.random.Generator) -> None:
        """Versions of one cut-out: what tells them apart is the distortion alone, never the scene."""
        single = draw_mixture(self.kinds, 1, rng, weights=self.weights)
        rival = draw_rival(self.kinds, single[0], rng)
        size = 3 if rng.random() < THREE else 2
        mixture = draw_mixture(self.kinds, size, rng, severities=MIXTURE_SEVERITIES, weights=self.weights)
        for steps in ((), single, rival, mixture):
            self.images.append(make_sample(clean, steps, rng))
            self.severities.append(severity_row(self.specs, steps))


def _add_mixed(
    plan: ShardPlan,
    operators: Mapping[str, FamilyOperators],
    seed: tuple[int, ...],
    native: _Samples,
    overview: _Samples,
) -> None:
    """Add crops of one picture with a mixture, and what the overview shows of it."""
    made, rng = draw_picture(plan.scenes, plan.found, operators, seed), np.random.default_rng(seed)
    row = seen_row(native.specs, made.faults)
    for _ in range(GROUP):
        native.images.append(cut_square(made.pixels, NATIVE_SIDE, rng))
        native.severities.append(row)
    overview.images.append(cut_square(made.pixels, min(made.pixels.shape[:2]), rng))
    overview.severities.append(row)


def families_in(specs: Sequence[HeadSpec]) -> tuple[str, ...]:
    """Return the families that one of `specs` is the head of."""
    return tuple(spec.family for spec in specs if spec.scope == FAMILY)


def draw_rival(specs: Sequence[HeadSpec], step: Step, rng: np.random.Generator) -> tuple[Step]:
    """Another distortion of the same family, or any other where the family has no second one."""
    others = [spec for spec in specs if spec.label != step.spec.label]
    rivals = [spec for spec in others if spec.family == step.spec.family] or others or [step.spec]
    return (Step(spec=rivals[int(rng.integers(len(rivals)))], severity=float(rng.uniform(1.0, 5.0))),)


def emphasised(specs: Sequence[HeadSpec], emphasis: Sequence[str]) -> NDArray[np.float64]:
    """The probability of each distortion: those in `emphasis` four times that of the others."""
    weights: NDArray[np.float64] = np.array([4.0 if spec.label in emphasis else 1.0 for spec in specs])
    weights /= weights.sum()
    return weights


def make_sample(clean: NDArray[np.uint8], steps: Sequence[Step], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Distort, and at times store the result as a JPEG file of high quality, as users do."""
    image = to_uint8(distort(to_float(clean), steps, rng)) if steps else clean
    return recompress(image, rng) if rng.random() < 0.15 else image


def severity_row(specs: Sequence[HeadSpec], steps: Sequence[Step]) -> NDArray[np.float32]:
    """Return the severity of each kind; of a family that is drawn nobody knows how much of it can be seen."""
    given = {step.spec.label: step.severity for step in steps} | {step.spec.family: np.nan for step in steps}
    return np.array([given.get(spec.label, 0.0) for spec in specs], np.float32)


def seen_row(specs: Sequence[HeadSpec], faults: Sequence[Fault]) -> NDArray[np.float32]:
    """Return the severity of each kind and family as far as it can be seen.

    NaN of what is there and hardly seen, and of the kinds that a make of their family may be like.
    """
    given: dict[str, float] = {}
    for fault in faults:
        seen, drawn = fault.seen.loss >= seen_from(fault.family), fault.step.spec.label
        alike = (spec.label for spec in specs if spec.family == fault.family)
        given |= dict.fromkeys([] if any(spec.label == drawn for spec in specs) else alike, np.nan)
        given[fault.family] = severity_of(fault.seen.loss) if seen else np.nan
        given[drawn] = fault.step.severity if seen else np.nan
    return np.array([given.get(spec.label, 0.0) for spec in specs], np.float32)


def read_shard(path: Path) -> Shard:
    from safetensors.numpy import load_file

    return Shard(**load_file(path))


def stream_shards(
    plan: ShardPlan, specs: Sequence[HeadSpec], *, start: int, count: int, distinct: int, workers: int
) -> Iterator[Shard]:
    """Yield shards `start` to `count` - 1, numbered modulo `distinct`; `workers` processes make them ahead."""
    labels = tuple(spec.label for spec in specs)
    with start_workers(workers) as pool:
        numbers = (number % distinct for number in range(start, count))
        files = ordered(numbers, lambda number: pool.submit(_make_by_label, plan, labels, number), 2 * workers + 1)
        yield from map(read_shard, files)


def _make_by_label(plan: ShardPlan, labels: tuple[str, ...], index: int) -> Path:
    """In a worker: specs hold functions, which do not travel between processes, so each worker finds its own."""
    return make_shard(plan, installed_specs(labels), index)


def installed_specs(labels: Sequence[str]) -> tuple[HeadSpec, ...]:
    """The specs of the installed heads with these labels, in this order."""
    from distortion_heads.registry.build import build_registry

    registry = build_registry()
    return tuple(registry.head(label).spec for label in labels)
