"""`dheads bench unfamiliar`: are pictures unlike photographs told from them, and photographs left alone?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.extras import need_extra
from distortion_heads.backbones.familiarity import bundled_familiarity
from distortion_heads.backbones.open import bundled_backbone, open_backbone
from distortion_heads.bench.shared.goals import Goal
from distortion_heads.bench.shared.options import CommonOptions, Progress
from distortion_heads.bench.shared.report import report_to_dict
from distortion_heads.bench.unfamiliar.made_pictures import KINDS
from distortion_heads.bench.unfamiliar.report import Group, Setting, UnfamiliarReport, to_markdown
from distortion_heads.datasets.own_data import read_clean
from distortion_heads.datasets.wild import CLEAN, PHOTOGRAPHS, WildPicture, read_wild
from distortion_heads.errors import BackboneError
from distortion_heads.io.images import load_image
from distortion_heads.metrics.intervals import share_interval
from distortion_heads.metrics.scores import auroc
from distortion_heads.reports.files import write_report
from distortion_heads.spec import HeadSpec
from distortion_heads.training.runs.familiar_pictures import mean_features, versions_of

GROUPS = ("surgery", "microscopy", "screen", "text")
"""Groups of the found pictures that are no photographs of the world around us; none was in the model."""

MUST_BE_TOLD = (*KINDS, "surgery", "microscopy")
PHOTOS, DISTORTED, FOUND = "clean photographs", "photographs, distorted", "photographs as found"
FOUND_CLEAN = "photographs as found, clean"


@dataclass(frozen=True, kw_only=True)
class UnfamiliarOptions(CommonOptions):
    """Options of the bench: clean photographs and pictures as found, of neither of which the model was made."""

    images: Path
    wild: Path
    made: int = 100
    seed: int = 0
    command: str = "dheads bench unfamiliar"


@dataclass(frozen=True, kw_only=True)
class _Item:
    groups: tuple[str, ...]
    load: Callable[[], Iterator[NDArray[np.uint8]]]


def bench_unfamiliar(
    options: UnfamiliarOptions, specs: tuple[HeadSpec, ...], progress: Progress = lambda done, total: None
) -> UnfamiliarReport:
    """Measure, write report.md and report.json to `options.out`, and return the report.

    `progress(done, total)` counts pictures. Raises `DataError` if there are none or `out` cannot be written,
    `BackboneError` if there is no model for the bundled backbone, `MissingExtraError` without the extra `train`.
    """
    need_extra("dheads bench unfamiliar", "jinja2")
    backbone = open_backbone(bundled_backbone())
    model = bundled_familiarity(backbone.ref)
    if model is None:
        raise BackboneError("there is no model of familiar pictures for this backbone: see dheads train --familiarity")
    items = [*_made(options), *_photographs(options, specs), *_found(options)]
    scores: dict[str, list[float]] = {}
    seconds: list[tuple[float, float]] = []
    for done, item in enumerate(items):
        progress(done, len(items))
        for pixels in item.load():
            started = perf_counter()
            features = mean_features(backbone, pixels)
            if features is None:
                continue
            between = perf_counter()
            distance = model.distance(features[np.newaxis])
            seconds.append((between - started, perf_counter() - between))
            for group in item.groups:
                scores.setdefault(group, []).append(distance)
    groups = _groups(scores, model.limit)
    before, own = np.median(np.array(seconds), axis=0)
    setting = Setting(
        command=options.command,
        backbone=str(backbone.ref),
        model=dict(model.info),
        limit=model.limit,
        cost=float(own / before),
    )
    report = UnfamiliarReport(setting=setting, goals=_goals(groups, setting), groups=groups)
    write_report(options.out, "report.json", report_to_dict(report), to_markdown(report), {})
    return report


def _groups(scores: dict[str, list[float]], limit: float) -> tuple[Group, ...]:
    photographs = np.array([*scores.get(PHOTOS, []), *scores.get(FOUND, [])])
    groups = []
    for name, values in scores.items():
        distances = np.array(values)
        beyond = int((distances > limit).sum())
        unlike = name in (*MUST_BE_TOLD, *GROUPS)
        group = Group(
            name=name,
            n=len(values),
            auroc=auroc(distances, photographs) if unlike else None,
            flagged=beyond / len(values),
            interval=share_interval(beyond, len(values)),
        )
        groups.append(group)
    return tuple(groups)


def _goals(groups: tuple[Group, ...], setting: Setting) -> tuple[Goal, ...]:
    by_name = {group.name: group for group in groups}
    told = [
        Goal(figure=f"AUROC, {name}", limit=0.9, measured=by_name[name].auroc, lower=True)
        for name in MUST_BE_TOLD
        if name in by_name
    ]
    alone = [
        Goal(figure=f"marked, {name}", limit=limit, measured=by_name[name].flagged)
        for name, limit in ((PHOTOS, 0.03), (FOUND_CLEAN, 0.03), (DISTORTED, 0.05))
        if name in by_name
    ]
    return (*told, *alone, Goal(figure="cost beside that of the features", limit=0.01, measured=setting.cost))


def _made(options: UnfamiliarOptions) -> Iterator[_Item]:
    def drawn(kind: str, number: int) -> Iterator[NDArray[np.uint8]]:
        yield KINDS[kind](np.random.default_rng((options.seed, list(KINDS).index(kind), number)))

    for kind in KINDS:
        for number in range(options.made):
            yield _Item(groups=(kind,), load=lambda kind=kind, number=number: drawn(kind, number))  # type: ignore[misc]


def _photographs(options: UnfamiliarOptions, specs: tuple[HeadSpec, ...]) -> Iterator[_Item]:
    makers = tuple(spec for spec in specs if spec.synthesize is not None)
    for number, image in enumerate(read_clean(options.images)[: options.limit]):

        def clean(path: Path = image.path) -> Iterator[NDArray[np.uint8]]:
            yield load_image(path)

        def distorted(path: Path = image.path, number: int = number) -> Iterator[NDArray[np.uint8]]:
            _, *rest = versions_of(load_image(path), makers, np.random.default_rng((options.seed, number)))
            yield from rest

        yield _Item(groups=(PHOTOS,), load=clean)
        yield _Item(groups=(DISTORTED,), load=distorted)


def _found(options: UnfamiliarOptions) -> Iterator[_Item]:
    def load(path: Path) -> Iterator[NDArray[np.uint8]]:
        yield load_image(path)

    held_out = [picture for picture in read_wild(options.wild, "val") if picture.group in PHOTOGRAPHS]
    unlike = [p for split in ("train", "val") for p in read_wild(options.wild, split) if p.group in GROUPS]
    for picture in [*held_out, *unlike][: options.limit]:
        yield _Item(groups=_groups_of(picture), load=lambda path=picture.path: load(path))  # type: ignore[misc]


def _groups_of(picture: WildPicture) -> tuple[str, ...]:
    if picture.group in GROUPS:
        return (picture.group,)
    return (FOUND, FOUND_CLEAN) if picture.state == CLEAN else (FOUND,)
