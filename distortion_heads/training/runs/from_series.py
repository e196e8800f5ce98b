"""Fit the head of quality on series of good and ever worse pictures, with people's mean opinions (`--quality`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.processes import Each, in_processes
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.datasets.clean_pictures import Scenes, find_scenes
from distortion_heads.datasets.wild import clean_ones
from distortion_heads.errors import DataError
from distortion_heads.heads.file import dump_head
from distortion_heads.heads.head import HeadFile, Scale
from distortion_heads.registry.backbones import read_ref
from distortion_heads.spec import QUALITY, BackboneSpec, HeadSpec
from distortion_heads.synthesis.series import KINDS, STRENGTHS
from distortion_heads.training.features.quality_samples import (
    QualityPlan,
    QualitySamples,
    collect_samples,
    read_samples,
)
from distortion_heads.training.heads.fit_quality import Rated, fit_quality
from distortion_heads.training.heads.quality_head import (
    HIGH,
    LOW,
    MEANING,
    QualitySpread,
    monotone,
    new_quality_head,
    raw_qualities,
    with_figures,
)
from distortion_heads.training.heads.quality_targets import opinions_of, scales_of
from distortion_heads.training.heads.train_head import UNSPECIFIED, HeadCard
from distortion_heads.training.runs.fit_bundled_heads import provenance_of

TARGET = "mean opinions of KADID-10k by type and strength, with the visible difference, on self-distorted pictures"


KIND_SHARE = 5 / 13


@dataclass(frozen=True, kw_only=True)
class QualityOptions:
    """`images`: clean pictures, split by content; `wild`: a folder of pictures as they were found, with its list.

    Only those that the list calls clean are used, to put faults on. Of the `fit_pictures` most show what occurs, a
    share of `KIND_SHARE` all kinds about alike.
    """

    images: Path
    out: Path
    wild: Path | None = None
    fit_pictures: int = 52_000
    hold_pictures: int = 2_000
    seed: int = 0
    workers: int = 1
    each: Each = in_processes
    licenses: tuple[str, ...] = ()
    head_license: str = UNSPECIFIED
    command: str = "dheads train --quality"
    backbone: BackboneSpec | None = None
    report: Callable[[str, int, int], None] = field(default=lambda stage, done, total: None)


def train_quality(options: QualityOptions, specs: Sequence[HeadSpec]) -> tuple[HeadFile, QualitySpread]:
    """Write `out/heads/quality.safetensors`; a run that was stopped goes on.

    `specs` are all that plugins have: their distortions make the samples, and one of them is a head of quality.
    Raises `DataError` if none is, or the pictures are too few.
    """
    spec = next((spec for spec in specs if spec.scope == QUALITY), None)
    if spec is None:
        raise DataError('no plugin has a head of the scope "quality": there is nothing to fit')
    backbone = options.backbone or bundled_backbone()
    scenes = find_scenes(options.images.absolute())
    *fit_plans, hold_plan = plans = _plans(options, specs, backbone, scenes)
    for plan in reversed(plans):
        for done in collect_samples(plan, options.workers, options.each):
            options.report(f"samples, {plan.name}", done, plan.count)
    fit, hold = read_samples(*fit_plans), read_samples(hold_plan)
    options.report("head", 0, 1)
    families = _families(specs)
    scales = scales_of(fit, [families[kind] for kind in hold_plan.kinds])
    rated, held = (rated_of(samples, opinions_of(samples, scales)) for samples in (fit, hold))
    card = HeadCard(
        label=spec.label, title=spec.title, family=spec.family, license=options.head_license, view=spec.view
    )
    provenance = replace(provenance_of(options, scenes.sha256, options.seed), n_pos=len(rated))
    scale = Scale(low=LOW, high=HIGH, meaning=MEANING, target=TARGET)
    layers = fit_quality(rated, seed=options.seed)
    head = new_quality_head(card, layers, read_ref(backbone), provenance, scale)
    raw, target = raw_qualities(head, held), held.target.astype(np.float64)
    head = replace(head, calibration=monotone(raw, target))
    split = "held-out scenes, distorted by this package, half of them handed on"
    head, spread = with_figures(head, raw, target, hold.scene, split)
    folder = options.out / "heads"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / f"{head.label}.safetensors", dump_head(head))
    options.report("head", 1, 1)
    return head, spread


def rated_of(samples: QualitySamples, target: np.typing.NDArray[np.float32]) -> Rated:
    """Return what the view "full" has of samples, with their opinions, in series."""
    return Rated(
        windows=samples.native, starts=samples.starts, target=target, whole=samples.picture, series=1 + STRENGTHS
    )


def _families(specs: Sequence[HeadSpec]) -> dict[str, str]:
    """Return the family of each distortion that can be made, by the label of its head or the name of its make."""
    makes = {make.name: spec.family for spec in specs for make in spec.makes}
    return makes | {spec.label: spec.family for spec in specs if spec.synthesize is not None}


def _plans(
    options: QualityOptions,
    specs: Sequence[HeadSpec],
    backbone: BackboneSpec,
    scenes: Scenes,
) -> tuple[QualityPlan, ...]:
    """Return what to fit on, two plans, and what to hold out."""
    able = [spec for spec in specs if spec.synthesize is not None]
    by_kind = round(KIND_SHARE * options.fit_pictures)
    plan = QualityPlan(
        folder=options.out.absolute() / "samples",
        name="fit",
        scenes=scenes.fit,
        found=clean_ones(options.wild and options.wild.absolute(), "train", scenes.held),
        count=options.fit_pictures - by_kind,
        seed=options.seed,
        backbone=backbone,
        families=tuple(sorted({spec.family for spec in able})),
        kinds=tuple(sorted(_families(specs))),
    )
    more = replace(plan, name="kinds", count=by_kind, seed=options.seed + 2, odds=KINDS, found_odds=0.35)
    held = replace(plan, name="hold", scenes=scenes.hold, found=(), count=options.hold_pictures, seed=options.seed + 1)
    return plan, more, held
