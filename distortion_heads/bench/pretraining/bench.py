"""`dheads bench pretraining`: which targets and which scheme of learning make a score that people share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distortion_heads._system.extras import need_extra
from distortion_heads.backbones.open import open_backbone
from distortion_heads.bench.pretraining.pictures import PictureSets, find_sources, kadid_specs, make_sets
from distortion_heads.bench.pretraining.report import PretrainingReport, Setting, report_to_dict, to_markdown
from distortion_heads.bench.pretraining.schemes import SchemePlan, SchemeRow, compare_schemes
from distortion_heads.bench.pretraining.targets import TargetRow, compare_targets
from distortion_heads.bench.shared.kept import once
from distortion_heads.errors import DataError
from distortion_heads.registry.backbones import find_backbone
from distortion_heads.registry.build import Registry
from distortion_heads.reports.files import write_report
from distortion_heads.training.features.cache import FeatureCache

PARTS = ("targets", "schemes")


@dataclass(frozen=True, kw_only=True)
class PretrainingOptions:
    """Options: clean pictures to learn from, and others that are rated; `work` keeps what is done."""

    images: Path
    held: Path
    out: Path
    work: Path
    limit: int | None = None
    parts: tuple[str, ...] = PARTS
    plan: SchemePlan = field(default_factory=SchemePlan)
    command: str = "dheads bench pretraining"


def bench_pretraining(
    options: PretrainingOptions,
    registry: Registry,
    report: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> PretrainingReport:
    """Measure what `work` does not hold yet, write report.md and report.json to `out`, and return the report.

    Raises `DataError` (no pictures, `work` of other options, folders that cannot be written) and `MissingExtraError`.
    """
    need_extra("dheads bench pretraining", "jinja2", "piq", "torch", "torchvision", "sklearn", "onnx")
    if unknown := set(options.parts) - set(PARTS):
        raise DataError(f"no part {sorted(unknown)[0]!r}: choose of {', '.join(PARTS)}")
    sources, plan = find_sources(options.images, options.held, options.limit), options.plan
    specs = kadid_specs(registry)
    sets = make_sets(options.work, sources, specs, plan.seed, report)
    found = PretrainingReport(
        setting=_setting(options, sets),
        targets=_targets(options, sets, registry, report) if "targets" in options.parts else (),
        schemes=_schemes(options, sets, registry, report) if "schemes" in options.parts else (),
    )
    write_report(options.out, "report.json", report_to_dict(found), to_markdown(found), {})
    return found


def _targets(
    options: PretrainingOptions, sets: PictureSets, registry: Registry, report: Callable[[str, int, int], None]
) -> tuple[TargetRow, ...]:
    backbone = open_backbone(find_backbone(options.plan.backbone, registry), threads=1)
    cache, seed = FeatureCache(options.work / "cache"), options.plan.seed
    same = {"seed": seed, "scored": len(sets.scored), "rated": len(sets.rated), "backbone": str(backbone.ref)}
    return once(
        options.work / "targets.json",
        same,
        lambda: compare_targets(sets, backbone, cache, seed, lambda done, total: report("targets", done, total)),
        lambda stored: tuple(_row(row) for row in stored),
    )


def _row(stored: dict[str, Any]) -> TargetRow:
    spread = {name: None if ends is None else (ends[0], ends[1]) for name, ends in stored["spread"].items()}
    return TargetRow(**{**stored, "spread": spread})


def _schemes(
    options: PretrainingOptions, sets: PictureSets, registry: Registry, report: Callable[[str, int, int], None]
) -> tuple[SchemeRow, ...]:
    return compare_schemes(sets, options.plan, registry, options.work, lambda stage: report(stage, 0, 1))


def _setting(options: PretrainingOptions, sets: PictureSets) -> Setting:
    levels = {(record.kind, *record.severities.values()) for record in sets.rated}
    return Setting(
        command=options.command,
        backbone=options.plan.backbone,
        plan=options.plan,
        scored=len(sets.scored),
        rated=len(sets.rated),
        scored_scenes=len({record.scene for record in sets.scored}),
        rated_scenes=len({record.scene for record in sets.rated}),
        levels=len(levels),
        kinds=len({kind for kind, _ in levels}),
    )
