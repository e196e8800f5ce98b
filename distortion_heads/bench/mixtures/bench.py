"""`dheads bench mixtures`: two of our own distortions at once, each there to be found only where it can be seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.extras import need_extra
from distortion_heads.bench.accuracy.bench import find_pictures
from distortion_heads.bench.mixtures.figures import MixtureOutcomes, compute_figures
from distortion_heads.bench.mixtures.report import MixturesReport, Setting, compare_goals, to_markdown
from distortion_heads.bench.shared.bench import open_bench
from distortion_heads.bench.shared.cache import ROOMS
from distortion_heads.bench.shared.families import family_names
from distortion_heads.bench.shared.judge import judge_all
from distortion_heads.bench.shared.options import CommonOptions, InstalledRegistry, MakeRegistry, Progress
from distortion_heads.bench.shared.report import report_to_dict
from distortion_heads.bench.shared.workers import Job, read_bytes
from distortion_heads.io.images import load_image
from distortion_heads.pipeline import Predictor
from distortion_heads.reports.files import write_report
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.mixtures import FamilyOperators, MixedPicture, draw_mixture, mixed_picture, operators_of

_ROOMS = (
    *ROOMS, "synthesis/mixtures.py", "synthesis/visibility.py", "synthesis/afterwards.py", "synthesis/good.py",
    "synthesis/camera.py", "bench/mixtures/bench.py", "bench/shared/families.py", "bench/shared/judge.py",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MixturesPlan:
    """`versions` mixtures of each picture, each of `faults` families."""

    seed: int = 0
    versions: int = 10
    faults: int = 2


@dataclass(frozen=True, kw_only=True)
class MixturesBenchOptions(CommonOptions):
    """Options of the bench: all attached heads on clean pictures, distorted as `plan` says."""

    images: Path
    plan: MixturesPlan = field(default_factory=MixturesPlan)
    command: str = "dheads bench mixtures"


def bench_mixtures(
    options: MixturesBenchOptions,
    *,
    make_registry: MakeRegistry = InstalledRegistry(),  # noqa: B008 - frozen
    progress: Progress = lambda done, total: None,
) -> MixturesReport:
    """Measure, write report.md and report.json to `options.out`, and return the report.

    `progress(done, total)` counts pictures. Raises `DataError` if there is nothing to measure or `out` cannot be
    written, `UnknownHeadError` or `HeadFileError` for `heads`, `MissingExtraError` without the extra `train`.
    """
    need_extra("dheads bench mixtures", "jinja2", "threadpoolctl")
    pictures = find_pictures(options.images, options.limit)
    bench = open_bench(options, make_registry)
    measure = partial(measure_one, job=bench.job(options.plan, rooms=_ROOMS), plan=options.plan)
    measured, unreadable = bench.measure(pictures, measure, progress, options.images)
    figures = compute_figures(MixtureOutcomes.of(family_names(bench.predictor.heads), list(measured.values())))
    setting = Setting(
        command=options.command,
        backbone=bench.backbone,
        seed=options.plan.seed,
        pictures=len(measured),
        versions=options.plan.versions,
        faults=options.plan.faults,
        left_out=bench.left_out,
        unreadable=unreadable,
    )
    report = MixturesReport(setting=setting, goals=compare_goals(figures), figures=figures)
    write_report(options.out, "report.json", report_to_dict(report), to_markdown(report), {})
    return report


def measure_one(path: Path, job: Job, plan: MixturesPlan) -> dict[str, NDArray[np.generic]]:
    """Return what is seen of each fault, (n, families), NaN where there is none, and the answers for each mixture.

    From the job's cache where that has it. Raises `InputError` if the file is no picture.
    """
    data = read_bytes(path)
    image = load_image(data).astype(np.float32) / np.float32(255)

    def measure(predictor: Predictor, specs: tuple[HeadSpec, ...]) -> dict[str, NDArray[np.generic]]:
        families = family_names(predictor.heads)
        operators = operators_of({spec.label: spec for spec in specs}, families)
        seeds = [(plan.seed, *data[-8:], index) for index in range(plan.versions)]
        made = [_mixture(image, operators, plan.faults, seed) for seed in seeds]
        loss = np.full((len(made), len(families)), np.nan)
        for row, mixture in zip(loss, made, strict=True):
            for fault in mixture.faults:
                row[families.index(fault.family)] = fault.seen.loss
        judged = judge_all([mixture.pixels for mixture in made], predictor)
        return {"loss": loss, "probability": judged.probability, "present": judged.present}

    return dict(job.arrays(data, measure))


def _mixture(
    image: NDArray[np.float32], operators: dict[str, FamilyOperators], count: int, seed: tuple[int, ...]
) -> MixedPicture:
    return mixed_picture(image, draw_mixture(operators, count, np.random.default_rng((*seed, 1))), seed)
