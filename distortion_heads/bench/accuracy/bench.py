"""`dheads bench accuracy`: distort clean pictures, predict, compute every figure, write the report."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from distortion_heads._system.extras import need_extra
from distortion_heads.bench.accuracy.outcomes import Outcomes
from distortion_heads.bench.accuracy.plots import draw_plots
from distortion_heads.bench.accuracy.report import Report, Setting, make_report, report_to_dict, to_markdown
from distortion_heads.bench.accuracy.samples import AccuracyPlan, PictureOutcomes, measure_one
from distortion_heads.bench.shared.bench import Bench, open_bench
from distortion_heads.bench.shared.cache import ROOMS
from distortion_heads.bench.shared.options import CommonOptions, InstalledRegistry, MakeRegistry, Progress
from distortion_heads.errors import DataError
from distortion_heads.heads.head import HeadFile
from distortion_heads.io.inputs import expand_inputs
from distortion_heads.reports.files import write_report
from distortion_heads.spec import KIND


@dataclass(frozen=True, kw_only=True)
class BenchOptions(CommonOptions):
    """Options of the bench: `heads` (None: all) on clean pictures, distorted as `plan` says."""

    images: Path
    plan: AccuracyPlan = field(default_factory=AccuracyPlan)
    command: str = "dheads bench accuracy"


def bench_accuracy(
    options: BenchOptions,
    *,
    make_registry: MakeRegistry = InstalledRegistry(),  # noqa: B008 - frozen
    progress: Progress = lambda done, total: None,
) -> Report:
    """Measure, write report.md, report.json and the plots to `options.out`, and return the report.

    `progress(done, total)` counts pictures. Raises `DataError` if there is nothing to measure or `out` cannot be
    written, `UnknownHeadError` or `HeadFileError` for `heads`, `MissingExtraError` without the extra `train`.
    """
    need_extra("dheads bench accuracy", "jinja2", "matplotlib", "threadpoolctl")
    pictures = find_pictures(options.images, options.limit)
    bench = open_bench(options, make_registry)
    heads, left_out = _measurable(bench)
    bench = bench.only(tuple(head.label for head in heads))
    job = bench.job(options.plan, rooms=(*ROOMS, "bench/accuracy/samples.py"))
    measure = partial(measure_one, job=job, plan=options.plan)
    measured, unreadable = bench.measure(pictures, measure, progress, options.images)
    setting = Setting(
        command=options.command,
        backbone=bench.backbone,
        seed=options.plan.seed,
        mixtures=options.plan.mixtures,
        left_out=left_out,
        unreadable=unreadable,
    )
    report = make_report(collect(measured, heads, options.images), setting)
    write_report(options.out, "report.json", report_to_dict(report), to_markdown(report), draw_plots(report))
    return report


def find_pictures(folder: Path, limit: int | None) -> tuple[Path, ...]:
    """Return all pictures below `folder`, or `limit` of them, chosen by the hash of their names. Raises `DataError`."""
    found = list(expand_inputs([str(folder)]))
    for item in found:
        if item.error is not None:
            raise DataError(f"{item.path}: {item.error}")
    paths = sorted(Path(item.path) for item in found)
    if limit is not None:
        paths = sorted(sorted(paths, key=lambda path: hashlib.sha256(path.name.encode()).digest())[:limit])
    return tuple(paths)


def read_sources(pictures: Sequence[Path], folder: Path) -> tuple[str, ...]:
    """Return the source of each picture by `manifest.csv` in `folder` or above, else its name up to the first `_`."""
    listed: dict[Path, str] = {}
    for home in (folder.resolve().parent, folder.resolve()):
        listed.update(_read_manifest(home / "manifest.csv"))
    return tuple(listed.get(picture.resolve()) or picture.stem.partition("_")[0] for picture in pictures)


def collect(measured: Mapping[Path, PictureOutcomes], heads: Sequence[HeadFile], folder: Path) -> Outcomes:
    """Put the outcomes of at least one picture together."""
    pictures, parts = list(measured), list(measured.values())
    return Outcomes(
        labels=tuple(head.label for head in heads),
        families=tuple(head.family for head in heads),
        thresholds=tuple(head.threshold.value for head in heads),
        pictures=tuple(picture.name for picture in pictures),
        sources=read_sources(pictures, folder),
        picture=np.repeat(np.arange(len(parts)), [len(part.truth) for part in parts]),
        truth=np.concatenate([part.truth for part in parts]),
        probability=np.concatenate([part.probability for part in parts]),
        severity=np.concatenate([part.severity for part in parts]),
    )


def _measurable(bench: Bench) -> tuple[tuple[HeadFile, ...], tuple[str, ...]]:
    """Return the heads whose distortion can be made, and a sentence on each of the others."""
    registry, must_work = bench.registry, bench.options.heads is not None
    kinds = [head for head in bench.predictor.heads if head.scope == KIND]
    can = {head.label: registry.head(head.label).spec.synthesize is not None for head in kinds}
    mute = [label for label, made in can.items() if not made]
    if mute and must_work:
        raise DataError(f"head {mute[0]!r} has no generator to make its distortion with: leave it out of --heads")
    heads = tuple(head for head in kinds if can[head.label])
    left_out = (
        *bench.left_out,
        *(f"head {label!r} has no generator" for label in mute),
        *(f"head {h.spec.label!r} has no weights" for h in registry.heads.values() if h.spec.weights is None),
    )
    if not heads:
        raise DataError("no attached head has both weights and a generator: train one with `dheads add-head`")
    return heads, () if must_work else left_out


def _read_manifest(file: Path) -> dict[Path, str]:
    if not file.is_file():
        return {}
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{file} cannot be read: {error}") from None
    return {file.parent / row["file"]: row["source"] for row in rows if row.get("file") and row.get("source")}
