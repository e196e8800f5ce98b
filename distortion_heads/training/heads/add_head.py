"""Train one head on the frozen backbone and attach it."""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from distortion_heads._system.extras import need_extra
from distortion_heads.backbones.open import open_backbone
from distortion_heads.datasets.examples_of import Wanted, gather
from distortion_heads.datasets.labelled_image import FRAMES, Amount, few_videos
from distortion_heads.errors import DataError
from distortion_heads.heads.head import HeadFile, Provenance
from distortion_heads.io.images import DEFAULT_MAX_PIXELS
from distortion_heads.io.unread import Unread
from distortion_heads.metrics.intervals import Spread
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.build import RegisteredHead, Registry
from distortion_heads.registry.destination import destination
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import VIEWS, BackboneSpec, HeadSpec, View
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.features.extract import Progress, extract
from distortion_heads.training.features.labelled import Dataset, usable
from distortion_heads.training.heads.fit_and_measure import fit_and_measure
from distortion_heads.training.heads.train_head import UNSPECIFIED, HeadCard, weakness

PACKAGES = ("distortion-heads", "numpy", "onnxruntime", "pillow", "scikit-learn", "scipy")


@dataclass(frozen=True, kw_only=True)
class AddHeadRequest:
    """Which head to train, on what, and where it goes.

    Either `data` (folder or CSV, see `read_data`) or `clean` (folder of clean pictures, distorted by the generator of
    the installed head `synthesizer`, by default `label`). `view`, `title` and `family` default to those of the
    installed head of that label; without `license` the head file says "unspecified". `max_pixels` limits each picture
    or frame. Of each video in `data`, or each part of one that has a row of its own, `frames` evenly spread ones are
    taken. `equalize`, `strict` and `rivals`: see `Wanted`. `backbone`: the name of an installed one, or a folder that
    `dheads train` wrote, in which the head is then attached. `out` is a file that is written instead of attaching the
    head; `force` replaces it, or a head of the user's.
    """

    label: str
    data: Path | None = None
    clean: Path | None = None
    synthesizer: str | None = None
    view: View | None = None
    title: str | None = None
    family: str | None = None
    license: str | None = None
    seed: int = 0
    frames: int = FRAMES
    max_pixels: int = DEFAULT_MAX_PIXELS
    equalize: bool | None = None
    strict: bool = False
    rivals: bool = True
    backbone: str | None = None
    force: bool = False
    out: Path | None = None

    @property
    def source(self) -> Path:
        """`data` or `clean`; raises `DataError` unless exactly one is given."""
        if self.clean is not None and self.data is None:
            return self.clean
        if self.data is not None and self.clean is None and self.synthesizer is None:
            return self.data
        raise DataError(
            "give either --data (folder or CSV) or --clean DIR (clean pictures), --synthesizer only with --clean"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class AddedHead:
    """A trained head, where it was written, and how it went; `fit` and `hold` say on how much.

    `folds`: of a cross-validation, in which all are both fitted and held out, each once; 0 if a part was held out.
    `rivals`: how many of the negatives have another distortion, made here; they are not in `fit` and `hold`.
    `notes`: what the user should know, a line each. `warning`: why the head is poor and what to do, or None. `unread`:
    those of the `files` that could not be used and were left out.
    """

    head: HeadFile
    path: Path
    seconds: float
    fit: Amount
    hold: Amount
    folds: int
    rivals: int
    spread: Spread
    notes: tuple[str, ...]
    warning: str | None = None
    unread: tuple[Unread, ...] = ()
    files: int = 0


def add_head(
    label: str,
    *,
    data: Path | str | None = None,
    clean: Path | str | None = None,
    synthesizer: str | None = None,
    view: View | None = None,
    title: str | None = None,
    family: str | None = None,
    license: str | None = None,  # noqa: A002 - the name in the head file
    seed: int = 0,
    frames: int = FRAMES,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    equalize: bool | None = None,
    strict: bool = False,
    rivals: bool = True,
    backbone: Path | str | None = None,
    force: bool = False,
    out: Path | str | None = None,
    progress: Progress | None = None,
) -> AddedHead:
    """Train a head for the distortion `label` and attach it, as `dheads add-head` does; see `AddHeadRequest`.

    `progress(stage, done, total)` is called on the way. Raises what `train_and_attach` raises.
    """
    request = AddHeadRequest(
        label=label,
        data=None if data is None else Path(data),
        clean=None if clean is None else Path(clean),
        synthesizer=synthesizer,
        view=view,
        title=title,
        family=family,
        license=license,
        seed=seed,
        frames=frames,
        max_pixels=max_pixels,
        equalize=equalize,
        strict=strict,
        rivals=rivals,
        backbone=None if backbone is None else str(backbone),
        force=force,
        out=None if out is None else Path(out),
    )
    return train_and_attach(request, Store.default(os.environ), load_registry(), progress=progress)


def train_and_attach(
    request: AddHeadRequest,
    store: Store,
    registry: Registry,
    *,
    backbone: BackboneSpec | None = None,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> AddedHead:
    """Train the head on `backbone` (by default the bundled one) and save it in `store`, or in the file `request.out`.

    Nothing is written if anything fails. Raises `InvalidLabelError`, `LabelTakenError`, `MissingExtraError`,
    `DataError`, `BackboneError` or `StoreError`.
    """
    started, report = time.perf_counter(), progress or (lambda stage, done, total: None)
    place = destination(request.label, store, registry, request.backbone, request.out, request.force)
    place.check()
    need_extra("add-head", "sklearn")
    installed = registry.heads[request.label].spec if request.label in registry.heads else None
    if request.source and installed and installed.view not in VIEWS:
        raise DataError(f"the head {request.label!r} judges successive frames: fit it with `dheads train --clips DIR`")
    generator = _generator(request.synthesizer or request.label, registry) if request.data is None else None
    card = _card(request, installed, generator)
    engine = open_backbone(backbone or place.backbone, threads=1)  # the images are what is worked on in parallel
    found = gather(_wanted(request, card, generator), registry)
    cache = cache or FeatureCache.default(os.environ)
    features = extract(found.images, found.hashes, engine, card.view, cache, progress, request.max_pixels)
    data = usable(found.images, features, found.hashes, request.source, found.unread)
    report("fit", 0, 1)
    fitted = fit_and_measure(data, card, engine.ref, partial(_provenance, request, card), request.seed)
    data, parts = fitted.data, fitted.parts
    path = place.save(fitted.head)
    report("fit", 1, 1)
    return AddedHead(
        head=fitted.head,
        path=path,
        seconds=time.perf_counter() - started,
        fit=data.amount(parts.fit),
        hold=data.amount(parts.hold),
        folds=parts.count,
        rivals=sum(image.rival for image in data.images),
        spread=fitted.spread,
        notes=(*found.notes, *data.notes, *filter(None, (parts.note, few_videos(data.given(parts.hold))))),
        warning=weakness(fitted.head),
        unread=data.unread,
        files=len(found.hashes) + len(found.unread),
    )


def _wanted(request: AddHeadRequest, card: HeadCard, generator: RegisteredHead | None) -> Wanted:
    names = ("source", "label", "frames", "seed", "max_pixels", "equalize", "strict", "rivals")
    return Wanted(family=card.family, generator=generator, **{name: getattr(request, name) for name in names})


def _generator(label: str, registry: Registry) -> RegisteredHead:
    if label in registry.heads and registry.heads[label].spec.synthesize is not None:
        return registry.heads[label]
    able = ", ".join(sorted(name for name, head in registry.heads.items() if head.spec.synthesize is not None))
    raise DataError(f"no plugin can make {label!r}: use --data, or --synthesizer with one of: {able or '(none)'}")


def _card(request: AddHeadRequest, installed: HeadSpec | None, generator: RegisteredHead | None) -> HeadCard:
    known = installed or (generator.spec if generator else None)
    title = installed.title if installed else request.label.replace("_", " ").capitalize()
    family = known.family if known else "other"
    return HeadCard(
        label=request.label,
        title=title if request.title is None else request.title,
        family=family if request.family is None else request.family,
        license=UNSPECIFIED if request.license is None else request.license,
        view=request.view or (known.view if known else "native"),
    )


def _provenance(request: AddHeadRequest, card: HeadCard, data: Dataset) -> Provenance:
    """Return names, hashes and counts; of paths only the last part, for a head file is given to others.

    The command has no --force and --out: the same head has the same bytes, wherever it goes.
    """
    name = request.source.resolve().name.encode("utf-8", "replace").decode() or "data"
    words = ["dheads", "add-head", request.label, "--clean" if request.data is None else "--data", name]
    options = {"synthesizer": request.synthesizer, "view": card.view, "seed": request.seed, "title": request.title}
    options |= {"family": request.family, "license": request.license}
    options["backbone"] = None if request.backbone is None else Path(request.backbone).name
    options["max-pixels"] = None if request.max_pixels == DEFAULT_MAX_PIXELS else request.max_pixels
    options["frames"] = None if request.frames == FRAMES else request.frames
    for option, value in options.items():
        words += [] if value is None else [f"--{option}", str(value)]
    flags = {"no-rivals": not request.rivals, "equalize": request.equalize, "no-equalize": request.equalize is False}
    words += [f"--{flag}" for flag, given in flags.items() if given]
    positive = sum(image.label for image in data.images)
    return Provenance(
        data=name,
        data_sha256=data.sha256,
        n_pos=positive,
        n_neg=len(data.images) - positive,
        seed=request.seed,
        command=shlex.join(words),
        versions={package: version(package) for package in PACKAGES},
    )
