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
from distortion_heads.bench.foreign.report import ForeignReport, Setting, compare_goals, to_markdown
from distortion_heads.bench.foreign.versions import ForeignPlan, draw_versions
from distortion_heads.bench.shared.bench import open_bench
from distortion_heads.bench.shared.cache import ROOMS
from distortion_heads.bench.shared.families import family_names
from distortion_heads.bench.shared.options import CommonOptions, InstalledRegistry, MakeRegistry, Progress
from distortion_heads.bench.shared.report import report_to_dict
from distortion_heads.foreign.all_operators import all_operators
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
    bench = open_bench(options, make_registry)
    labels = [operator.label for operator in operators]
    job = bench.job(options.plan, labels, rooms=_ROOMS)
    measure = partial(measure_one, job=job, plan=options.plan)
    measured, unreadable = bench.measure(pictures, measure, progress, options.images)
    versions = [draw_versions(operators, bench.specs, options.plan, name) for name, _ in measured.values()]
    outcomes = collect(family_names(bench.predictor.heads), versions, [answer for _, answer in measured.values()])
    figures = compute_figures(outcomes)
    setting = Setting(
        command=options.command,
        backbone=bench.backbone,
        seed=options.plan.seed,
        pairs=options.plan.pairs,
        sizes=options.plan.sizes,
        libraries=dict(Counter(operator.library for operator in operators)),
        left_out=(*bench.left_out, *absent),
        unreadable=unreadable,
    )
    report = ForeignReport(setting=setting, goals=compare_goals(figures), figures=figures)
    write_report(options.out, "report.json", report_to_dict(report), to_markdown(report), {})
    return report
