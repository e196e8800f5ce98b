"""`dheads bench scalability`: run the parts that are not done yet, and write the report."""

from __future__ import annotations

from pathlib import Path

from distortion_heads._system.extras import need_extra
from distortion_heads._system.threads import usable_cores
from distortion_heads.bench.accuracy.bench import find_pictures
from distortion_heads.bench.scalability.attach import Attachment, NewHead, measure_forgetting, measure_new_head
from distortion_heads.bench.scalability.cost import Cost, Costs, measure_costs
from distortion_heads.bench.scalability.incremental import measure_incremental
from distortion_heads.bench.scalability.options import PARTS, Report, ScalabilityOptions
from distortion_heads.bench.scalability.plots import draw_plots
from distortion_heads.bench.scalability.report import ScalabilityReport, Setting, report_to_dict, to_markdown
from distortion_heads.bench.shared.kept import once
from distortion_heads.errors import DataError
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.build import Registry
from distortion_heads.reports.files import write_report

NEW_HEAD = "white_noise"


def bench_scalability(
    options: ScalabilityOptions, registry: Registry, report: Report = lambda stage, done, total: None
) -> ScalabilityReport:
    """Measure what `work` does not hold yet, write report.md, report.json and plots to `out`, and return the report.

    `report(stage, done, total)` says how far a stage is. Raises `DataError` (no pictures, `work` of other options,
    folders that cannot be written, a process that fails), `UnknownHeadError` and `MissingExtraError`.
    """
    need_extra("dheads bench scalability", "jinja2", "matplotlib", "torch", "torchvision", "sklearn", "onnx")
    if unknown := set(options.parts) - set(PARTS):
        raise DataError(f"no part {sorted(unknown)[0]!r}: choose of {', '.join(PARTS)}")
    pictures = find_pictures(options.images, None)
    predictor = Predictor(registry=registry, threads=1)
    if not predictor.heads:
        raise DataError("no attached head works: the bench needs one to copy")
    backbone, work, parts = str(predictor.backbone.ref), options.work, options.parts
    found = ScalabilityReport(
        setting=_setting(options, backbone),
        late_heads=measure_incremental(options, registry, report) if "incremental" in parts else (),
        attachments=_forgetting(work, predictor, pictures[:8], report) if "forgetting" in parts else (),
        costs=_costs(options, predictor, pictures[0], report) if "cost" in parts else None,
        new_head=_new_head(work, registry, pictures, report) if "new-head" in parts else None,
    )
    write_report(options.out, "report.json", report_to_dict(found), to_markdown(found), draw_plots(found))
    return found


def _forgetting(work: Path, predictor: Predictor, pictures: tuple[Path, ...], report: Report) -> tuple[Attachment, ...]:
    return once(
        work / "forgetting.json",
        {"backbone": str(predictor.backbone.ref), "heads": [head.label for head in predictor.heads]},
        lambda: measure_forgetting(predictor.heads, pictures, work / "forgetting", report),
        lambda stored: tuple(Attachment(**each) for each in stored),
    )


def _costs(options: ScalabilityOptions, predictor: Predictor, picture: Path, report: Report) -> Costs:
    head = next((head for head in predictor.heads if head.view == "native"), predictor.heads[0])
    counts, rounds = options.counts, options.rounds
    return once(
        options.work / "cost.json",
        {"backbone": str(predictor.backbone.ref), "counts": counts, "rounds": rounds},
        lambda: measure_costs(head, picture, options.work / "cost", report, counts=counts, rounds=rounds),
        lambda stored: Costs(**{**stored, "rows": tuple(Cost(**row) for row in stored["rows"])}),
    )


def _new_head(work: Path, registry: Registry, pictures: tuple[Path, ...], report: Report) -> NewHead:
    return once(
        work / "new-head.json",
        {},
        lambda: measure_new_head(registry.head(NEW_HEAD).spec, pictures, work / "new-head", registry, report),
        lambda stored: NewHead(**stored),
    )


def _setting(options: ScalabilityOptions, backbone: str) -> Setting:
    same = ("command", "widths", "steps", "batch", "sizes", "test_pictures", "seed")
    given = {name: getattr(options, name) for name in same}
    return Setting(backbone=backbone, cores=usable_cores(), bank=tuple(sorted(options.bank)), **given)
