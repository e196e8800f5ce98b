"""`dheads bench heat`: whether a map shows the part of a picture that is distorted, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.extras import need_extra
from distortion_heads.answers import Prediction
from distortion_heads.bench.accuracy.bench import find_pictures
from distortion_heads.bench.heat.cases import KINDS, Case, draw_cases
from distortion_heads.bench.heat.report import HeatReport, Row, Setting, compare_goals, to_markdown
from distortion_heads.bench.shared.options import CommonOptions, InstalledRegistry, MakeRegistry, Progress
from distortion_heads.bench.shared.report import report_to_dict
from distortion_heads.errors import DataError
from distortion_heads.heat.areas import heat_pixels
from distortion_heads.heat.predictor import HeatPredictor
from distortion_heads.io.images import load_image
from distortion_heads.metrics.scores import auroc
from distortion_heads.pipeline import Predictor
from distortion_heads.reports.files import write_report
from distortion_heads.spec import HeadSpec

EVERY = 2
"""Every so many pixels, along either side, are compared."""

TIMED = 6
"""Every so many cases are timed, in turn with maps and without."""


@dataclass(frozen=True, kw_only=True)
class HeatBenchOptions(CommonOptions):
    """Options of the bench: clean pictures, and the seed of what is drawn."""

    images: Path
    seed: int = 0
    command: str = "dheads bench heat"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The figures of one case: `area` by the area under the curve over pixels, `overlap` of the affected ones."""

    label: str
    severity: float
    area: float
    overlap: float
    present: bool
    found: bool


def bench_heat(
    options: HeatBenchOptions,
    *,
    make_registry: MakeRegistry = InstalledRegistry(),  # noqa: B008 - frozen
    progress: Progress = lambda done, total: None,
) -> HeatReport:
    """Measure, write report.md and report.json to `options.out`, and return the report.

    `progress(done, total)` counts pictures. Raises `DataError` if there is nothing to measure or `out` cannot be
    written, `MissingExtraError` without the extra `train`.
    """
    need_extra("dheads bench heat", "jinja2")
    pictures = find_pictures(options.images, options.limit)
    registry = make_registry()
    predictor = HeatPredictor(registry=registry, threads=1)
    plain = Predictor(registry=registry, threads=1)
    specs = {head.spec.label: head.spec for head in registry.select(None) if _is_meant(head.spec, predictor)}
    if not specs:
        raise DataError(f"none of {', '.join(KINDS)} is attached: there is nothing to measure")
    specs = {label: specs[label] for label in KINDS if label in specs}
    families = {head.label: head.family for head in predictor.heads}
    outcomes: list[Outcome] = []
    alarms: list[tuple[str, ...]] = []
    clock = _Clock(plain, predictor)
    for done, path in enumerate(pictures):
        progress(done, len(pictures))
        pixels = load_image(path)
        alarms.append(_in_part(predictor.predict(pixels)))
        for case in draw_cases(pixels, specs, (options.seed, done)):
            outcomes.append(_outcome(case, clock.predict(case.pixels), families[case.label]))
    report = _report(options, predictor, outcomes, alarms, clock, len(pictures))
    write_report(options.out, "report.json", report_to_dict(report), to_markdown(report), {})
    return report


def _is_meant(spec: HeadSpec, predictor: HeatPredictor) -> bool:
    return spec.label in KINDS and spec.synthesize is not None and spec.label in {h.label for h in predictor.heads}


class _Clock:
    """Predicts with maps, and times every `TIMED`-th picture without them too: in processor time, one thread."""

    def __init__(self, plain: Predictor, heat: HeatPredictor) -> None:
        self._plain, self._heat, self._count = plain, heat, 0
        self.plain, self.heat = [], []  # type: tuple[list[float], list[float]]

    @property
    def ratio(self) -> float | None:
        return sum(self.heat) / sum(self.plain) if self.plain else None

    def predict(self, pixels: NDArray[np.uint8]) -> Prediction:
        self._count += 1
        if self._count % TIMED:
            return self._with_maps(pixels)
        self._with_maps(pixels)  # what is warm is warm for both
        self._timed(self.plain, lambda: self._plain.predict(pixels))
        return self._timed(self.heat, lambda: self._with_maps(pixels))

    def _with_maps(self, pixels: NDArray[np.uint8]) -> Prediction:
        prediction = self._heat.predict(pixels)
        for family in prediction.places.found() if prediction.places else ():
            prediction.heat(family)
        return prediction

    def _timed(self, seconds: list[float], work: Callable[[], Prediction]) -> Prediction:
        started = time.process_time()
        result = work()
        seconds.append(time.process_time() - started)
        return result


def _outcome(case: Case, prediction: Prediction, family: str) -> Outcome:
    heat = prediction.heat(family)
    values = heat_pixels(heat, prediction.width, prediction.height)
    some, part = values[::EVERY, ::EVERY].astype(np.float64), case.part[::EVERY, ::EVERY]
    affected = values >= heat.level
    overlap = np.count_nonzero(affected & case.part) / np.count_nonzero(affected | case.part)
    return Outcome(
        label=case.label,
        severity=case.severity,
        area=auroc(some[part], some[~part]) or 0.0,
        overlap=float(overlap),
        present=family in {answer.family for answer in prediction.present_families},
        found=prediction.places is not None and family in prediction.places.found(),
    )


def _in_part(prediction: Prediction) -> tuple[str, ...]:
    """The families that are found in a part of a picture only."""
    present = {answer.family for answer in prediction.present_families}
    return tuple(name for name in (prediction.places.found() if prediction.places else ()) if name not in present)


def _report(
    options: HeatBenchOptions,
    predictor: HeatPredictor,
    outcomes: Sequence[Outcome],
    alarms: Sequence[tuple[str, ...]],
    clock: _Clock,
    pictures: int,
) -> HeatReport:
    setting = Setting(command=options.command, backbone=str(predictor.backbone.ref), pictures=pictures)
    labels = dict.fromkeys(outcome.label for outcome in outcomes)
    rows = [_row(label, [o for o in outcomes if o.label == label]) for label in labels]
    rows.append(_row("all", outcomes))
    names = sorted({name for found in alarms for name in found})
    shares = {name: sum(name in found for found in alarms) / pictures for name in names}
    shares["any"] = sum(bool(found) for found in alarms) / pictures
    return HeatReport(setting=setting, goals=compare_goals(rows, clock.ratio), rows=tuple(rows), alarms=shares)


def _row(label: str, outcomes: Sequence[Outcome]) -> Row:
    def mean(values: Sequence[float]) -> float:
        return float(np.mean(values))

    return Row(
        label=label,
        cases=len(outcomes),
        area=mean([o.area for o in outcomes]),
        overlap=mean([o.overlap for o in outcomes]),
        at_five=mean([o.overlap for o in outcomes if o.severity == max(p.severity for p in outcomes)]),
        present=mean([o.present for o in outcomes]),
        found=mean([o.found for o in outcomes]),
    )
