"""`dheads bench foreign`: other libraries' operators on clean pictures, judged as `dheads predict` does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from distortion_heads._system.extras import need_extra
from distortion_heads.bench.accuracy.bench import find_pictures
from distortion_heads.bench.foreign.figures import compute_figures
from distortion_heads.bench.foreign.measure import measure_one
from distortion_heads.bench.foreign.outcomes import collect
from distortion_heads.bench.foreign.report import ForeignReport, Setting, compare_goals, report_to_dict, to_markdown
from distortion_heads.bench.foreign.versions import ForeignPlan, draw_versions
from distortion_heads.bench.shared.cache import ROOMS, Cache, cache_key
from distortion_heads.bench.shared.families import family_names
from distortion_heads.bench.shared.options import CommonOptions, InstalledRegistry, MakeRegistry, Progress
from distortion_heads.bench.shared.workers import Job, measure_all
from distortion_heads.errors import DataError
from distortion_heads.foreign.all_operators import all_operators
from distortion_heads.pipeline import Predictor
from distortion_heads.reports.files import write_report

_ROOMS = (
    *ROOMS, "bench/accuracy/samples.py", "foreign", "bench/foreign/measure.py",
    "bench/foreign/versions.py", "bench/shared/families.py", "bench/shared/handmade.py", "bench/shared/judge.py",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ForeignBenchOptions(CommonOptions):
    """Options of the bench: all attached heads on clean pictures, distorted as `plan` says."""

    images: Path
    plan: ForeignPlan = field(default_factory=ForeignPlan)
    command: str = "dheads bench foreign"


def bench_foreign(
    options: ForeignBenchOptions,
    *,
    make_registry: MakeRegistry = InstalledRegistry(),  # noqa: B008 - frozen
    progress: Progress = lambda done, total: None,
) -> ForeignReport:
    """Measure, write report.md and report.json to `options.out`, and return the report.

    `progress(done, total)` counts pictures. Raises `DataError` if there is nothing to measure or `out` cannot be
    written, `UnknownHeadError` or `HeadFileError` for `heads`, `MissingExtraError` without the extra `bench`.
    """
    need_extra("dheads bench foreign", "jinja2", "threadpoolctl", extra="bench")
    operators, absent = all_operators()
    pictures = find_pictures(options.images, options.limit)
    registry = make_registry()
    predictor = Predictor(options.heads, registry=registry, threads=1)
    specs = tuple(head.spec for head in registry.select(options.heads))
    labels = [operator.label for operator in operators]
    cache = Cache(folder=options.out / "cache", key=cache_key(predictor, specs, options.plan, labels, rooms=_ROOMS))
    job = Job(make_registry=make_registry, labels=options.heads, cache=cache)
    measured, errors = measure_all(pictures, partial(measure_one, job=job, plan=options.plan), options.jobs, progress)
    if not measured:
        raise DataError(f"none of the pictures in {options.images} can be read")
    versions = [draw_versions(operators, specs, options.plan, name) for name, _ in measured.values()]
    outcomes = collect(family_names(predictor.heads), versions, [answer for _, answer in measured.values()])
    figures = compute_figures(outcomes)
    setting = Setting(
        command=options.command,
        backbone=str(predictor.backbone.ref),
        seed=options.plan.seed,
        pairs=options.plan.pairs,
        sizes=options.plan.sizes,
        libraries=dict(Counter(operator.library for operator in operators)),
        left_out=(*map(str, predictor.problems), *absent),
        unreadable=tuple(f"picture {picture.name}: {error}" for picture, error in errors.items()),
    )
    report = ForeignReport(setting=setting, goals=compare_goals(figures), figures=figures)
    write_report(options.out, "report.json", report_to_dict(report), to_markdown(report), {})
    return report
