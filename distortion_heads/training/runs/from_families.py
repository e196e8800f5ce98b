"""Fit the heads of families on samples that show kinds, makes and mixtures as they reach us (`--families`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.processes import Each, in_processes
from distortion_heads.backbones.open import bundled_backbone, open_backbone
from distortion_heads.datasets.clean_pictures import find_scenes
from distortion_heads.datasets.wild import clean_ones, unreviewed_ones
from distortion_heads.errors import DataError
from distortion_heads.heads.file import dump_head
from distortion_heads.heads.head import HeadFile
from distortion_heads.registry.backbones import read_ref
from distortion_heads.spec import FAMILY, BackboneSpec, HeadSpec
from distortion_heads.training.features.family_samples import FamilyPlan, collect_samples, faultless, read_samples
from distortion_heads.training.heads.family_head import examples_of, fit_family, with_thresholds
from distortion_heads.training.heads.train_head import UNSPECIFIED
from distortion_heads.training.runs.fit_bundled_heads import provenance_of


@dataclass(frozen=True, kw_only=True)
class FamilyOptions:
    """`images`: clean pictures, split by content; `wild`: a folder of pictures as they were found, with its list.

    Only those that the list calls clean are used, to put faults on; the faults of others are not learnt from.
    """

    images: Path
    out: Path
    wild: Path | None = None
    fit_pictures: int = 40_000
    hold_pictures: int = 5_000
    seed: int = 0
    workers: int = 1
    each: Each = in_processes
    licenses: tuple[str, ...] = ()
    head_license: str = UNSPECIFIED
    command: str = "dheads train --families"
    backbone: BackboneSpec | None = None
    report: Callable[[str, int, int], None] = field(default=lambda stage, done, total: None)


def train_families(options: FamilyOptions, specs: Sequence[HeadSpec]) -> tuple[HeadFile, ...]:
    """Write `out/heads/FAMILY.safetensors` for each family head among `specs`; a run that was stopped goes on.

    Raises `DataError` if no plugin has a family head, or the pictures are too few.
    """
    heads = tuple(sorted((spec for spec in specs if spec.scope == FAMILY), key=lambda spec: spec.label))
    if not heads:
        raise DataError('no plugin has a head of the scope "family": there is nothing to fit')
    families = tuple(spec.family for spec in heads)
    backbone, scenes = options.backbone or bundled_backbone(), find_scenes(options.images.absolute())
    plans = [
        FamilyPlan(
            folder=options.out.absolute() / "samples",
            name=name,
            scenes=paths,
            found=clean_ones(options.wild and options.wild.absolute(), split),
            count=count,
            seed=options.seed + place,
            backbone=backbone,
            families=families,
        )
        for place, (name, split, paths, count) in enumerate(
            (
                ("fit", "train", scenes.fit, options.fit_pictures),
                ("hold", "val", scenes.hold, options.hold_pictures),
            )
        )
    ]
    for plan in plans:
        for done in collect_samples(plan, options.workers, options.each):
            options.report(f"samples, {plan.name}", done, plan.count)
    fit, hold = (read_samples(plan) for plan in plans)
    provenance = provenance_of(options, scenes.sha256, options.seed)
    fitted = []
    for done, spec in enumerate(heads):
        options.report("heads", done, len(heads))
        seen = examples_of(fit, families, spec.family)
        counted = replace(provenance, n_pos=int(seen.present.sum()), n_neg=int((seen.known & ~seen.present).sum()))
        fitted.append(fit_family(spec, families, fit, hold, read_ref(backbone), counted, options.head_license))
    wild, source = options.wild and options.wild.absolute(), open_backbone(backbone, threads=1)
    clean, unreviewed = (faultless(ones(wild, "val"), source, families) for ones in (clean_ones, unreviewed_ones))
    finished = with_thresholds(fitted, families, hold, clean, unreviewed)
    folder = options.out / "heads"
    folder.mkdir(parents=True, exist_ok=True)
    for head in finished:
        write_atomic(folder / f"{head.label}.safetensors", dump_head(head))
    return finished
