"""`dheads bench video`: distort clips over known intervals, code them, predict, compute every figure, report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from distortion_heads._system.extras import need_extra
from distortion_heads.bench.shared.bench import open_bench
from distortion_heads.bench.shared.cache import ROOMS
from distortion_heads.bench.shared.options import CommonOptions, InstalledRegistry, MakeRegistry, Progress
from distortion_heads.bench.shared.report import report_to_dict
from distortion_heads.bench.shared.workers import measure_all
from distortion_heads.bench.video.cases import HEADS, CasePlan, draw_cases, find_parts
from distortion_heads.bench.video.figures import compute_figures
from distortion_heads.bench.video.measure import measure_one
from distortion_heads.bench.video.plots import draw_plots
from distortion_heads.bench.video.report import Setting, VideoReport, to_markdown
from distortion_heads.errors import DataError
from distortion_heads.registry.build import Registry
from distortion_heads.reports.files import write_report

_ROOMS = (*ROOMS, "video", "bench/accuracy/samples.py", "bench/video/measure.py")


@dataclass(frozen=True, kw_only=True)
class VideoBenchOptions(CommonOptions):
    """Options of the bench: `heads` (None: those of `HEADS` that are attached) on parts of `clips`."""

    clips: Path
    plan: CasePlan = field(default_factory=CasePlan)
    command: str = "dheads bench video"


def bench_video(
    options: VideoBenchOptions,
    *,
    make_registry: MakeRegistry = InstalledRegistry(),  # noqa: B008 - frozen
    progress: Progress = lambda done, total: None,
) -> VideoReport:
    """Measure, write report.md, report.json and the plots to `options.out`, and return the report.

    `progress(done, total)` counts distorted parts of clips. Raises `DataError` if there is nothing to measure or `out`
    cannot be written, `UnknownHeadError` or `HeadFileError` for `heads`, `MissingExtraError` without the extra `train`.
    """
    need_extra("dheads bench video", "jinja2", "matplotlib", "threadpoolctl")
    bench = open_bench(options, make_registry, partial(_labels, options.heads))
    heads = bench.predictor.video_heads
    used = tuple(head.label for head in heads)
    parts, problems = find_parts(options.clips, options.plan, options.limit)
    codings = options.plan.codings
    job = bench.only(used).job(codings, rooms=_ROOMS)
    cases = draw_cases(parts, used, options.plan)
    measure = partial(measure_one, job=job, codings=codings)
    measured, errors = measure_all(cases, measure, options.jobs, progress)
    failed = [f"{case.part}, {case.label}: {error}" for case, error in errors.items()]
    if not measured:
        raise DataError("; ".join(failed))
    setting = Setting(
        command=options.command,
        backbone=bench.backbone,
        seed=options.plan.seed,
        seconds=options.plan.seconds,
        clips=dict(Counter(part.name for part in parts)),
        rates={part.name: part.rate for part in parts},
        left_out=(*problems, *failed),
    )
    figures = compute_figures(measured, heads, codings)
    report = VideoReport(setting=setting, labels=used, codings=figures)
    write_report(options.out, "report.json", report_to_dict(report), to_markdown(report), draw_plots(report))
    return report


def _labels(heads: tuple[str, ...] | None, registry: Registry) -> tuple[str, ...]:
    """Return the heads to measure. Raises `DataError` for one without a generator."""
    names = heads if heads is not None else tuple(label for label in HEADS if _has_weights(label, registry))
    chosen = [head.spec for head in registry.select(names, member=lambda spec: spec.can_synthesize)]
    for spec in chosen:
        if not spec.can_synthesize:
            raise DataError(
                f"head {spec.label!r} has no generator to make its distortion with: leave it out of --heads"
            )
    if not chosen:
        raise DataError("none of the heads that are measured by default is attached: name some with --heads")
    return tuple(spec.label for spec in chosen)


def _has_weights(label: str, registry: Registry) -> bool:
    head = registry.heads.get(label)
    return head is not None and head.spec.weights is not None and head.spec.weights.is_file()
