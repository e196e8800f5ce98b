"""`dheads bench wild`: real pictures, judged as `dheads predict` does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.extras import need_extra
from distortion_heads.bench.shared.bench import open_bench
from distortion_heads.bench.shared.cache import ROOMS
from distortion_heads.bench.shared.families import family_names
from distortion_heads.bench.shared.judge import Judged, judge_all
from distortion_heads.bench.shared.options import CommonOptions, InstalledRegistry, MakeRegistry, Progress
from distortion_heads.bench.shared.report import report_to_dict
from distortion_heads.bench.shared.workers import Job, read_bytes
from distortion_heads.bench.wild.figures import WildOutcomes, compute_figures
from distortion_heads.bench.wild.report import Setting, WildReport, compare_goals, to_markdown
from distortion_heads.datasets.wild import WildPicture, read_wild
from distortion_heads.io.images import load_image
from distortion_heads.pipeline import Predictor
from distortion_heads.reports.files import write_report
from distortion_heads.spec import HeadSpec

_ROOMS = (*ROOMS, "bench/shared/families.py", "bench/shared/handmade.py", "bench/shared/judge.py")


@dataclass(frozen=True, kw_only=True)
class WildBenchOptions(CommonOptions):
    """Options of the bench: all attached heads on the pictures of one split of `wild`/manifest.csv."""

    wild: Path
    split: str = "val"
    command: str = "dheads bench wild"


def bench_wild(
    options: WildBenchOptions,
    *,
    make_registry: MakeRegistry = InstalledRegistry(),  # noqa: B008 - frozen
    progress: Progress = lambda done, total: None,
) -> WildReport:
    """Measure, write report.md and report.json to `options.out`, and return the report.

    `progress(done, total)` counts pictures. Raises `DataError` if there is nothing to measure or `out` cannot be
    written, `UnknownHeadError` or `HeadFileError` for `heads`, `MissingExtraError` without the extra `train`.
    """
    need_extra("dheads bench wild", "jinja2", "threadpoolctl")
    pictures = read_wild(options.wild, options.split, options.limit)
    bench = open_bench(options, make_registry)
    measure = partial(measure_one, job=bench.job(rooms=_ROOMS))
    measured, unreadable = bench.measure(pictures, measure, progress, f"the split {options.split!r} of {options.wild}")
    answers = list(measured.values())
    outcomes = WildOutcomes(
        families=family_names(bench.predictor.heads),
        pictures=tuple(measured),
        found=np.concatenate([answer.present for answer in answers]),
        probability=np.concatenate([answer.probability for answer in answers]),
        handmade=np.concatenate([answer.handmade for answer in answers]),
    )
    figures = compute_figures(outcomes)
    setting = Setting(
        command=options.command,
        backbone=bench.backbone,
        split=options.split,
        pictures=len(measured),
        left_out=bench.left_out,
        unreadable=unreadable,
    )
    report = WildReport(setting=setting, goals=compare_goals(figures), figures=figures)
    write_report(options.out, "report.json", report_to_dict(report), to_markdown(report), {})
    return report


def measure_one(picture: WildPicture, job: Job) -> Judged:
    """Return what the job's cache has for the picture's file, else judge it. Raises `InputError` if it is none."""
    data = read_bytes(picture.path)

    def measure(predictor: Predictor, specs: tuple[HeadSpec, ...]) -> dict[str, NDArray[np.generic]]:
        return dict(vars(judge_all([load_image(data)], predictor)))

    return Judged(**job.arrays(data, measure))  # type: ignore[arg-type]
