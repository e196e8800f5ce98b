"""`dheads bench scalability`: run the parts that are not done yet, and write the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from distortion_heads._system.threads import usable_cores
from distortion_heads.bench.accuracy.bench import find_pictures
from distortion_heads.bench.scalability.plots import draw_plots
from distortion_heads.bench.scalability.report import ScalabilityReport, Setting, report_to_dict, to_markdown
from distortion_heads.errors import DataError, MissingExtraError
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.build import Registry
from distortion_heads.reports.files import to_json, write_files

if TYPE_CHECKING:
    from distortion_heads.bench.scalability.attach import Attachment, NewHead
    from distortion_heads.bench.scalability.cost import Costs
    from distortion_heads.bench.scalability.incremental import LateHead

PARTS = ("incremental", "forgetting", "cost", "new-head")
BANK = (
    "gaussian_blur",
    "motion_blur",
    "white_noise",
    "impulse_noise",
    "jpeg",
    "jpeg2000",
    "pixelate",
    "color_diffusion",
    "quantization",
    "high_sharpen",
)
LATE = ("jpeg", "white_noise", "motion_blur", "pixelate", "color_diffusion", "high_sharpen")
NEW_HEAD = "white_noise"

Report = Callable[[str, float, float], None]
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class ScalabilityOptions:
    """What to measure; see `IncrementalPlan` for the part of that name. `command` is quoted in the report.

    `work` keeps what is done. `counts`: numbers of heads whose cost is measured, the fewest first.
    """

    images: Path
    out: Path
    work: Path
    parts: tuple[str, ...] = PARTS
    bank: tuple[str, ...] = BANK
    late: tuple[str, ...] = LATE
    sizes: tuple[int, ...] = (20, 50, 100, 500, 2000)
    widths: tuple[int, int, int, int, int] = (8, 16, 32, 64, 96)
    steps: int = 256
    batch: int = 40
    test_pictures: int = 200
    counts: tuple[int, ...] = (1, 10, 100, 1000)
    rounds: int = 45
    seed: int = 0
    workers: int = 1
    command: str = "dheads bench scalability"


def bench_scalability(
    options: ScalabilityOptions, registry: Registry, report: Report = lambda stage, done, total: None
) -> ScalabilityReport:
    """Measure what `work` does not hold yet, write report.md, report.json and plots to `out`, and return the report.

    `report(stage, done, total)` tells how far a stage is. Raises `DataError` (no pictures, `work` of other options,
    folders that cannot be written, a process that fails), `UnknownHeadError` and `MissingExtraError`.
    """
    for module in ("matplotlib", "torch", "torchvision", "sklearn", "onnx"):
        if find_spec(module) is None:
            raise MissingExtraError("dheads bench scalability")
    if unknown := set(options.parts) - set(PARTS):
        raise DataError(f"no part {sorted(unknown)[0]!r}: choose of {', '.join(PARTS)}")
    pictures = find_pictures(options.images, None)
    predictor = Predictor(registry=registry, threads=1)
    if not predictor.heads:
        raise DataError("no attached head works: the bench needs one to copy")
    found = ScalabilityReport(
        setting=_setting(options, str(predictor.backbone.ref)),
        late_heads=_incremental(options, registry, report) if "incremental" in options.parts else (),
        attachments=_forgetting(options, predictor, pictures, report) if "forgetting" in options.parts else (),
        costs=_costs(options, predictor, pictures, report) if "cost" in options.parts else None,
        new_head=_new_head(options, registry, pictures, report) if "new-head" in options.parts else None,
    )
    files = {"report.json": to_json(report_to_dict(found)), "report.md": to_markdown(found).encode()}
    write_files(options.out, {**files, **draw_plots(found)})
    return found


def _incremental(options: ScalabilityOptions, registry: Registry, report: Report) -> tuple[LateHead, ...]:
    from distortion_heads.bench.scalability.incremental import IncrementalPlan, measure_incremental

    plan = IncrementalPlan(
        images=options.images,
        work=options.work / "incremental",
        bank=options.bank,
        late=options.late,
        sizes=options.sizes,
        widths=options.widths,
        steps=options.steps,
        batch=options.batch,
        test_pictures=options.test_pictures,
        seed=options.seed,
        workers=options.workers,
    )
    decisive = {key: value for key, value in asdict(plan).items() if key not in ("images", "work", "late", "workers")}
    _once(plan.work / "plan.json", {**decisive, "bank": sorted(plan.bank)}, lambda: None, lambda stored: stored)
    return measure_incremental(plan, registry, report)


def _forgetting(
    options: ScalabilityOptions, predictor: Predictor, pictures: tuple[Path, ...], report: Report
) -> tuple[Attachment, ...]:
    from distortion_heads.bench.scalability.attach import Attachment, measure_forgetting

    return _once(
        options.work / "forgetting.json",
        {"backbone": str(predictor.backbone.ref), "heads": [head.label for head in predictor.heads]},
        lambda: measure_forgetting(predictor.heads, pictures[:8], options.work / "forgetting", report),
        lambda stored: tuple(Attachment(**each) for each in stored),
    )


def _costs(options: ScalabilityOptions, predictor: Predictor, pictures: tuple[Path, ...], report: Report) -> Costs:
    from distortion_heads.bench.scalability.cost import Cost, Costs, measure_costs

    head = next((head for head in predictor.heads if head.view == "native"), predictor.heads[0])
    return _once(
        options.work / "cost.json",
        {"backbone": str(predictor.backbone.ref), "counts": list(options.counts), "rounds": options.rounds},
        lambda: measure_costs(
            head, pictures[0], options.work / "cost", report, counts=options.counts, rounds=options.rounds
        ),
        lambda stored: Costs(**{**stored, "rows": tuple(Cost(**row) for row in stored["rows"])}),
    )


def _new_head(options: ScalabilityOptions, registry: Registry, pictures: tuple[Path, ...], report: Report) -> NewHead:
    from distortion_heads.bench.scalability.attach import NewHead, measure_new_head

    return _once(
        options.work / "new-head.json",
        {},
        lambda: measure_new_head(registry.head(NEW_HEAD).spec, pictures, options.work / "new-head", registry, report),
        lambda stored: NewHead(**stored),
    )


def _setting(options: ScalabilityOptions, backbone: str) -> Setting:
    return Setting(
        command=options.command,
        backbone=backbone,
        cores=usable_cores(),
        bank=tuple(sorted(options.bank)),
        widths=options.widths,
        steps=options.steps,
        batch=options.batch,
        sizes=options.sizes,
        test_pictures=options.test_pictures,
        seed=options.seed,
    )


def _once(file: Path, key: dict[str, Any], measure: Callable[[], Any], restore: Callable[[Any], _T]) -> _T:
    """What `file` keeps from an earlier run, else measure and keep it. Raises `DataError` if it is of other options."""
    key = json.loads(json.dumps(key))
    if file.exists():
        try:
            stored = json.loads(file.read_text())
            known, value = stored["of"], stored["found"]
            if known == key:
                return restore(value)
        except (OSError, ValueError, KeyError, TypeError):
            raise DataError(f"{file} is damaged: remove it and run the bench again") from None
        raise DataError(f"{file} was measured with other options: remove it, or choose another --work")
    found = measure()
    value = [asdict(each) for each in found] if isinstance(found, tuple) else None if found is None else asdict(found)
    write_files(file.parent, {file.name: json.dumps({"of": key, "found": value}).encode()}, "--work")
    return restore(json.loads(json.dumps(value)))
