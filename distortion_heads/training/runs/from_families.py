"""Fit the heads of families on samples that show kinds, makes and mixtures as they reach us (`--families`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.processes import Each, in_processes
from distortion_heads.backbones.base import FeatureSource
from distortion_heads.backbones.open import bundled_backbone, open_backbone
from distortion_heads.datasets.clean_pictures import Scenes, find_scenes
from distortion_heads.datasets.wild import clean_ones, unreviewed_ones
from distortion_heads.errors import DataError
from distortion_heads.heads.file import check_backbone, dump_head, read_head
from distortion_heads.heads.head import HeadFile
from distortion_heads.registry.backbones import read_ref
from distortion_heads.spec import FAMILY, BackboneSpec, HeadSpec
from distortion_heads.training.features.family_samples import FamilyPlan, FamilySamples, collect_samples, read_samples
from distortion_heads.training.features.wild_samples import faultless, joined, judged_ones
from distortion_heads.training.heads.family_head import examples_of, fit_family, with_thresholds
from distortion_heads.training.heads.train_head import UNSPECIFIED
from distortion_heads.training.runs.fit_bundled_heads import provenance_of


@dataclass(frozen=True, kw_only=True)
class FamilyOptions:
    """`images`: clean pictures, split by content; `wild`: a folder of pictures as they were found, with its list.

    Faults are put on those that the list calls clean; these, and those with clear faults, are learnt whole as well.
    `start`: a folder of heads on the same backbone, `FAMILY.safetensors`, which are learnt further.
    """

    images: Path
    out: Path
    wild: Path | None = None
    start: Path | None = None
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

    Raises `DataError` if no plugin has a family head, or the pictures are too few; `HeadFileError` for a head to start
    from that is damaged or of another backbone.
    """
    heads = tuple(sorted((spec for spec in specs if spec.scope == FAMILY), key=lambda spec: spec.label))
    if not heads:
        raise DataError('no plugin has a head of the scope "family": there is nothing to fit')
    families = tuple(spec.family for spec in heads)
    earlier = {spec.label: _earlier(options, spec) for spec in heads}
    if options.start is not None and not any(earlier.values()):
        raise DataError(f"{options.start} holds no head of a family, such as {heads[0].label}.safetensors")
    scenes = find_scenes(options.images.absolute())
    fit, hold = (read_samples(plan) for plan in _made(options, families, scenes))
    source = open_backbone(_backbone(options), threads=1)
    judged = judged_ones(options.wild, source, families, scenes.held)
    fit = fit if judged is None else joined([fit, judged])
    fitted = []
    for done, spec in enumerate(heads):
        options.report("heads", done, len(heads))
        fitted.append(_fitted(options, spec, families, fit, hold, scenes.sha256, earlier[spec.label]))
    return _write_chosen(options, fitted, families, hold, source)


def _made(options: FamilyOptions, families: tuple[str, ...], scenes: Scenes) -> tuple[FamilyPlan, FamilyPlan]:
    """Make the samples to fit and to measure on that are missing, and return their plans."""
    wild = options.wild and options.wild.absolute()

    def plan(name: str, split: str, paths: tuple[Path, ...], count: int, seed: int) -> FamilyPlan:
        return FamilyPlan(
            folder=options.out.absolute() / "samples",
            name=name,
            scenes=paths,
            found=clean_ones(wild, split, scenes.held),
            count=count,
            seed=seed,
            backbone=_backbone(options),
            families=families,
        )

    plans = (
        plan("fit", "train", scenes.fit, options.fit_pictures, options.seed),
        plan("hold", "val", scenes.hold, options.hold_pictures, options.seed + 1),
    )
    for made in plans:
        for done in collect_samples(made, options.workers, options.each):
            options.report(f"samples, {made.name}", done, made.count)
    return plans


def _fitted(
    options: FamilyOptions,
    spec: HeadSpec,
    families: tuple[str, ...],
    fit: FamilySamples,
    hold: FamilySamples,
    sha256: str,
    earlier: HeadFile | None,
) -> HeadFile:
    seen = examples_of(fit, families, spec.family)
    provenance = replace(
        provenance_of(options, sha256, options.seed),
        n_pos=int(seen.present.sum()),
        n_neg=int((seen.known & ~seen.present).sum()),
    )
    ref = read_ref(_backbone(options))
    return fit_family(spec, families, fit, hold, ref, provenance, options.head_license, earlier)


def _write_chosen(
    options: FamilyOptions,
    fitted: Sequence[HeadFile],
    families: tuple[str, ...],
    hold: FamilySamples,
    source: FeatureSource,
) -> tuple[HeadFile, ...]:
    """Choose the thresholds of fitted heads together, by what real pictures allow, and write the files."""
    clean, unreviewed = (
        faultless(ones(options.wild, "val"), source, families) for ones in (clean_ones, unreviewed_ones)
    )
    finished = with_thresholds(fitted, families, hold, clean, unreviewed)
    folder = options.out / "heads"
    folder.mkdir(parents=True, exist_ok=True)
    for head in finished:
        write_atomic(folder / f"{head.label}.safetensors", dump_head(head))
    return finished


def _backbone(options: FamilyOptions) -> BackboneSpec:
    return options.backbone or bundled_backbone()


def _earlier(options: FamilyOptions, spec: HeadSpec) -> HeadFile | None:
    """Return the head that the head of a family goes on from, if `start` has one."""
    path = options.start and options.start / f"{spec.label}.safetensors"
    if path is None or not path.exists():
        return None
    head = read_head(path)
    check_backbone(head, read_ref(_backbone(options)), str(path))
    return head
