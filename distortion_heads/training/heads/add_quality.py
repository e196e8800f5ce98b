"""Fit a head of quality of one's own on rated pictures, measure it on scenes that it did not see, and attach it."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.open import open_backbone
from distortion_heads.datasets.clean_pictures import content_digest
from distortion_heads.datasets.labelled_image import LabelledImage
from distortion_heads.datasets.ratings import FEWEST_SCENES, RatedImage, RatingScale, merged, read_ratings
from distortion_heads.datasets.split_by_content import scene_numbers
from distortion_heads.errors import DataError
from distortion_heads.heads.file import dump_head, parse_head
from distortion_heads.heads.head import HeadFile, Layer, Provenance, Scale
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.io.images import DEFAULT_MAX_PIXELS
from distortion_heads.io.unread import Unread, unreadable
from distortion_heads.registry.build import Registry
from distortion_heads.registry.destination import destination
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import BackboneSpec, View
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.features.compute import Failure, Features, ImageFeatures
from distortion_heads.training.features.extract import Progress, extract
from distortion_heads.training.heads.add_head import PACKAGES
from distortion_heads.training.heads.fit_quality import Rated, fit_quality
from distortion_heads.training.heads.quality_head import (
    HIGH,
    LOW,
    QualitySpread,
    monotone,
    new_quality_head,
    raw_qualities,
    with_figures,
)
from distortion_heads.training.heads.train_head import UNSPECIFIED, HeadCard

FOLDS, MANY = 5, 2000
"""Parts of the scenes, each answered by a head that did not see it; from so many pictures on one part is held out."""

POOR_SROCC = 0.6
"""Below this rank correlation on unseen scenes a head is called poor."""


@dataclass(frozen=True, kw_only=True)
class QualityRequest:
    """Which head to fit on which ratings, and where it goes; see `AddHeadRequest` and `read_ratings`."""

    label: str
    data: Path
    scale: RatingScale = field(default_factory=RatingScale)
    view: View = "native"
    title: str | None = None
    license: str | None = None
    seed: int = 0
    max_pixels: int = DEFAULT_MAX_PIXELS
    backbone: str | None = None
    force: bool = False
    out: Path | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class AddedQuality:
    """A fitted head, where it was written, and how it went: measured on `measured` of `pictures` in `scenes` scenes."""

    head: HeadFile
    path: Path
    seconds: float
    pictures: int
    scenes: int
    measured: int
    folds: int
    spread: QualitySpread
    warning: str | None = None


def fit_and_attach(
    request: QualityRequest,
    store: Store,
    registry: Registry,
    *,
    backbone: BackboneSpec | None = None,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> AddedQuality:
    """Fit the head on `backbone` (by default the bundled one) and save it in `store`, or in the file `request.out`.

    Nothing is written if anything fails. Raises `InvalidLabelError`, `LabelTakenError`, `DataError`, `BackboneError`
    or `StoreError`.
    """
    started, report = time.perf_counter(), progress or (lambda stage, done, total: None)
    place = destination(request.label, store, registry, request.backbone, request.out, request.force)
    place.check()
    images = read_ratings(request.data, request.scale)
    hashes = content_hashes([image.path for image in images])
    images = merged(images, hashes)
    engine = open_backbone(backbone or place.backbone, threads=1)
    cache = cache or FeatureCache.default(os.environ)
    found = extract(images, hashes, engine, request.view, cache, progress, request.max_pixels)
    features = _usable(images, found)
    scenes = _scenes(images, features, request.data)
    report("fit", 0, 1)
    rated = _rated(images, features, request.scale)
    head = new_quality_head(
        _card(request),
        _in_units(fit_quality(rated, seed=request.seed), request.scale),
        engine.ref,
        _provenance(request, len(images), content_digest(tuple(image.path for image in images))),
        _scale(request),
    )
    head, spread, measured = _measured(head, rated, images, scenes, request)
    path = place.save(parse_head(dump_head(head), request.label))
    report("fit", 1, 1)
    return AddedQuality(
        head=head,
        path=path,
        seconds=time.perf_counter() - started,
        pictures=len(images),
        scenes=len(np.unique(scenes)),
        measured=measured,
        folds=FOLDS if measured == len(images) else 0,
        spread=spread,
        warning=_weakness(head),
    )


def _usable(images: Sequence[RatedImage], found: Sequence[Features | Failure]) -> list[ImageFeatures]:
    """Return the features of each picture. Raises `DataError` if one has none."""
    failed = tuple(
        Unread(path=i.path, reason=f.reason) for i, f in zip(images, found, strict=True) if isinstance(f, Failure)
    )
    if failed:
        raise unreadable(failed, len(images))
    return [result.frames[0] for result in found if isinstance(result, Features)]


def _scenes(images: Sequence[RatedImage], features: Sequence[ImageFeatures], source: Path) -> NDArray[np.int64]:
    """Return the number of each picture's scene. Raises `DataError` if there are too few."""
    labelled = [LabelledImage(path=image.path, label=True, group=image.group) for image in images]
    scenes = scene_numbers(labelled, [found.scene for found in features])
    count = len(np.unique(scenes))
    if count < FEWEST_SCENES:
        raise DataError(
            f"{source}: the {len(images)} pictures show {count} scene{'s' * (count > 1)}; at least {FEWEST_SCENES} are "
            "needed, so that a head can be measured on scenes that it did not see (a column group names them)"
        )
    return scenes


def _rated(images: Sequence[RatedImage], features: Sequence[ImageFeatures], scale: RatingScale) -> Rated:
    """Return the pictures with their ratings on the range of 1 to 5."""
    mos = np.array([image.mos for image in images], np.float64)
    counts = [len(found.windows) for found in features]
    return Rated(
        windows=np.concatenate([found.windows for found in features]),
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        target=(LOW + (HIGH - LOW) * (mos - scale.low) / (scale.high - scale.low)).astype(np.float32),
    )


def _in_units(layers: tuple[Layer, Layer], scale: RatingScale) -> tuple[Layer, Layer]:
    """Return layers that answer on the user's range instead of 1 to 5."""
    first, last = layers
    unit = np.float32((scale.high - scale.low) / (HIGH - LOW))
    bias = (last.bias - np.float32(LOW)) * unit + np.float32(scale.low)
    return first, replace(last, weight=last.weight * unit, bias=bias)


def _measured(
    head: HeadFile, rated: Rated, images: Sequence[RatedImage], scenes: NDArray[np.int64], request: QualityRequest
) -> tuple[HeadFile, QualitySpread, int]:
    """Return the head with calibration and figures from answers of heads that did not see the scene, and how many."""
    fold = _folds(scenes, request.seed)
    held = [fold == part for part in range(FOLDS if len(images) < MANY else 1)]
    raw, mos = np.full(len(images), np.nan), np.array([image.mos for image in images], np.float64)
    for part in held:
        fit, hold = (rated.take(np.flatnonzero(rows)) for rows in (~part, part))
        layers = _in_units(fit_quality(fit, seed=request.seed), request.scale)
        raw[part] = raw_qualities(replace(head, layers=layers), hold)
    seen = np.isfinite(raw)
    head = replace(head, calibration=monotone(raw[seen], mos[seen]))
    split = f"{FOLDS}-fold cross-validation by scene" if seen.all() else "held-out scenes"
    head, spread = with_figures(head, raw[seen], mos[seen], scenes[seen], split)
    return head, spread, int(seen.sum())


def _folds(scenes: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Deal whole scenes, the largest first, to the fold that has least: (n,)."""
    numbers, place, counts = np.unique(scenes, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(numbers))
    dealt, filled = np.zeros(len(numbers), np.int64), np.zeros(FOLDS)
    for scene in order[np.argsort(-counts[order], kind="stable")]:
        dealt[scene] = filled.argmin()
        filled[dealt[scene]] += counts[scene]
    return dealt[place]


def _card(request: QualityRequest) -> HeadCard:
    return HeadCard(
        label=request.label,
        title=request.title or request.label.replace("_", " ").capitalize(),
        family="quality",
        license=request.license or UNSPECIFIED,
        view=request.view,
    )


def _scale(request: QualityRequest) -> Scale:
    scale, name = request.scale, _name(request)
    turned = "" if scale.best > scale.worst else f", turned round: {scale.low + scale.high:g} less the rating"
    meaning = f"the ratings of {name}{turned}; {scale.high:g} is best"
    return Scale(low=scale.low, high=scale.high, meaning=meaning, target=f"ratings of {name}")


def _name(request: QualityRequest) -> str:
    return request.data.resolve().name.encode("utf-8", "replace").decode()


def _provenance(request: QualityRequest, count: int, digest: str) -> Provenance:
    words = ["dheads", "add-head", request.label, "--data", _name(request)]
    words += ["--scale", f"{request.scale.worst:g},{request.scale.best:g}", "--view", request.view]
    words += ["--seed", str(request.seed)]
    return Provenance(
        data=_name(request),
        data_sha256=digest,
        n_pos=count,
        n_neg=0,
        seed=request.seed,
        command=shlex.join(words),
        versions={package: version(package) for package in PACKAGES},
    )


def _weakness(head: HeadFile) -> str | None:
    found = head.metrics.srocc
    if found is not None and found >= POOR_SROCC:
        return None
    said = "not defined" if found is None else f"{found:.2f}"
    return f"this head is poor (SROCC {said} on unseen scenes): give more rated pictures, of more scenes"
