"""`dheads bench quality`: heads of quality, metrics and the classical floor under the same tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from distortion_heads._system.extras import need_extra
from distortion_heads.bench.accuracy.bench import find_pictures
from distortion_heads.bench.quality.counterexamples import Shown, choose_duels, draw_duels
from distortion_heads.bench.quality.figures import Duel, Figures, compute_figures
from distortion_heads.bench.quality.measure import (
    QualityPlan,
    kinds_of,
    make_versions,
    measure_one,
    read_middle,
    scorers_of,
    versions,
)
from distortion_heads.bench.quality.report import (
    QualityReport,
    Setting,
    compare_goals,
    report_to_dict,
    to_markdown,
)
from distortion_heads.bench.shared.bench import open_bench
from distortion_heads.bench.shared.cache import ROOMS
from distortion_heads.bench.shared.options import CommonOptions, InstalledRegistry, MakeRegistry, Progress
from distortion_heads.metrics.scorers import of_heads
from distortion_heads.reports.files import write_report
from distortion_heads.spec import HeadSpec

_ROOMS = (*ROOMS, "metrics", "bench/quality/measure.py")


@dataclass(frozen=True, kw_only=True)
class QualityBenchOptions(CommonOptions):
    """Options of the bench: clean pictures, and what is made of them."""

    images: Path
    plan: QualityPlan = field(default_factory=QualityPlan)
    command: str = "dheads bench quality"


def bench_quality(
    options: QualityBenchOptions,
    *,
    make_registry: MakeRegistry = InstalledRegistry(),  # noqa: B008 - frozen
    progress: Progress = lambda done, total: None,
) -> QualityReport:
    """Measure, write report.md, report.json and gmad.png to `options.out`, and return the report.

    `progress(done, total)` counts pictures. Raises `DataError` if there is nothing to measure or `out` cannot be
    written, `InputError` for an unknown scorer, `MissingExtraError` without the extra `train`.
    """
    need_extra("dheads bench quality", "jinja2", "matplotlib", "piq", "threadpoolctl")
    pictures = find_pictures(options.images, options.limit)
    bench, plan = open_bench(options, make_registry), options.plan
    kinds, scorers = kinds_of(bench.specs, plan), scorers_of(bench.predictor, plan)
    measure = partial(measure_one, job=bench.job(plan, rooms=_ROOMS), plan=plan)
    measured, unreadable = bench.measure(pictures, measure, progress, options.images)
    figures = compute_figures(np.stack(list(measured.values())), versions(kinds), scorers)
    heads = tuple(scorer.name for scorer in of_heads(bench.predictor))
    setting = Setting(
        command=options.command,
        backbone=bench.backbone,
        plan=plan,
        pictures=len(measured),
        kinds=len(kinds),
        heads=heads,
        left_out=bench.left_out,
        unreadable=unreadable,
    )
    report = QualityReport(setting=setting, goals=compare_goals(figures, heads), figures=figures)
    plots = _plots(figures, heads, tuple(measured), kinds, plan)
    write_report(options.out, "report.json", report_to_dict(report), to_markdown(report), plots)
    return report


def _plots(
    figures: Figures, heads: Sequence[str], pictures: Sequence[Path], kinds: Sequence[HeadSpec], plan: QualityPlan
) -> dict[str, bytes]:
    duels = choose_duels(figures.duels, heads)
    if not duels:
        return {}
    titles = {row.name: row.title for row in figures.scorers}
    return {"gmad.png": draw_duels(duels, _shown(duels, pictures, kinds, plan), titles)}


def _shown(
    duels: Sequence[Duel], pictures: Sequence[Path], kinds: Sequence[HeadSpec], plan: QualityPlan
) -> dict[int, Shown]:
    """Make again the versions that are drawn, by their index among all."""
    found, made = {}, versions(kinds)
    for index in {place for duel in duels for place in (duel.attack.better, duel.attack.worse)}:
        picture, version = divmod(index, len(made))
        pixels = read_middle(pictures[picture].read_bytes(), plan.side)
        wanted = next(islice(make_versions(pixels, kinds, plan), version, None))
        found[index] = Shown(pixels=wanted, version=made[version])
    return found
