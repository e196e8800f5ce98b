"""Fit the attached heads again, on a backbone that was trained here: the old ones do not read its features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from distortion_heads._system.locks import only_writer
from distortion_heads._system.processes import Each, in_processes
from distortion_heads.datasets.clean_pictures import find_scenes
from distortion_heads.errors import DataError
from distortion_heads.registry.backbones import backbone_in, read_ref
from distortion_heads.registry.build import Registry
from distortion_heads.spec import BackboneSpec
from distortion_heads.training.heads.train_head import UNSPECIFIED
from distortion_heads.training.runs.distorted_pictures import PicturePlan, collect, read_features
from distortion_heads.training.runs.fit_bundled_heads import HeadsJob, fit_heads, provenance_of


@dataclass(frozen=True, kw_only=True)
class RefitOptions:
    """`out`: the folder of a training run. `images`: clean pictures, which are distorted here."""

    out: Path
    images: Path
    fit_pictures: int = 14_000
    hold_pictures: int = 5_000
    seed: int = 0
    workers: int = 1
    each: Each = in_processes
    licenses: tuple[str, ...] = ()
    head_license: str = UNSPECIFIED
    command: str = "dheads train --refit-heads"
    report: Callable[[str, int, int], None] = field(default=lambda stage, done, total: None)


@dataclass(frozen=True, kw_only=True)
class Refitted:
    """Labels: of the heads that were written, and of those that only their owner's pictures could train."""

    written: tuple[str, ...]
    left_out: tuple[str, ...]


def refit_heads(options: RefitOptions, registry: Registry) -> Refitted:
    """Fit every attached head whose distortion can be made, beside those that the run trained itself.

    Writes `out/heads/LABEL.safetensors`; a killed run goes on where it stopped. Raises `BackboneError` if the run has
    no backbone, `DataError` if there is nothing to fit, too few pictures, or another run writes there.
    """
    backbone = backbone_in(options.out.absolute())
    with only_writer(options.out, "dheads train"):
        return _refit(options, registry, backbone)


def _refit(options: RefitOptions, registry: Registry, backbone: BackboneSpec) -> Refitted:
    ref = read_ref(backbone)
    folder = options.out / "heads"
    attached = [head.spec for head in registry.heads.values() if head.spec.weights is not None]
    own = _trained_labels(options.out)
    specs = tuple(sorted((s for s in attached if s.synthesize and s.label not in own), key=lambda s: s.label))
    left_out = tuple(sorted(s.label for s in attached if not s.synthesize and s.label not in own))
    if not specs:
        raise DataError(
            "no attached head can make its distortion: train each again with `dheads add-head`, those of the view "
            "temporal with `dheads train --clips`"
        )
    scenes = find_scenes(options.images.absolute())
    plans = [
        PicturePlan(
            folder=options.out.absolute() / "features",
            name=name,
            scenes=paths,
            count=count,
            seed=options.seed,
            backbone=backbone,
            labels=tuple(spec.label for spec in specs),
        )
        for name, paths, count in (
            ("fit", scenes.fit, options.fit_pictures),
            ("hold", scenes.hold, options.hold_pictures),
        )
    ]
    for plan in plans:
        for done in collect(plan, options.workers, options.each):
            options.report(f"features, {plan.name}", done, plan.count)
    job = HeadsJob(
        folder=folder,
        specs=specs,
        starts=(),
        backbone=ref,
        provenance=provenance_of(options, scenes.sha256, options.seed),
        license=options.head_license,
    )
    fit, hold = (read_features(plan) for plan in plans)
    for done, _ in fit_heads(job, fit, hold):
        options.report("heads", done, len(specs))
    return Refitted(written=tuple(spec.label for spec in specs), left_out=left_out)


def _trained_labels(out: Path) -> frozenset[str]:
    """The labels that the run itself learnt, as `labels.txt` lists them."""
    try:
        return frozenset((out / "labels.txt").read_text(encoding="utf-8").split())
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeError) as error:
        raise DataError(f"cannot read {out / 'labels.txt'}: {error}") from None
