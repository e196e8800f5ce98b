"""Train one head on the frozen backbone and attach it."""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from distortion_heads._system.atomic import write_atomic
from distortion_heads._system.errors_text import reason
from distortion_heads.backbones.open import bundled_backbone, load_backbone
from distortion_heads.datasets.distorting import with_distorted
from distortion_heads.datasets.labelled_image import FRAMES, Amount, LabelledImage, few_videos
from distortion_heads.datasets.own_data import check_expected, distinct, read_clean, read_data
from distortion_heads.datasets.split_by_content import HoldOut, split_by_content
from distortion_heads.errors import DataError, LabelTakenError, MissingExtraError, StoreError
from distortion_heads.heads.file import dump_head
from distortion_heads.heads.head import HeadFile, Provenance
from distortion_heads.io.image_hashes import content_hashes
from distortion_heads.io.images import DEFAULT_MAX_PIXELS
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.build import RegisteredHead, Registry
from distortion_heads.registry.discovery import USER
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import FAMILY, VIEWS, BackboneRef, BackboneSpec, HeadSpec, View, check_label
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.features.extract import Progress, extract
from distortion_heads.training.features.labelled import Dataset, usable
from distortion_heads.training.heads.train_head import UNSPECIFIED, HeadCard, train_head, weakness

_PACKAGES = ("distortion-heads", "numpy", "onnxruntime", "pillow", "scikit-learn", "scipy")

MAX_FPR_CLEAN = 0.02
"""Share of the held-out clean pictures on which the head may fire: none of fewer than 50."""


@dataclass(frozen=True, kw_only=True)
class AddHeadRequest:
    """Which head to train, on what, and where it goes.

    Either `data` (folder or CSV, see `read_data`) or `clean` (folder of clean pictures, distorted by the generator of
    the installed head `synthesizer`, by default `label`). `view`, `title` and `family` default to those of the
    installed head of that label; without `license` the head file says "unspecified". `max_pixels` limits each picture
    or frame. Of each video in `data`, or each part of one that has a row of its own, `frames` evenly spread ones are
    taken. `out` is a file that is written instead of attaching the head; `force` replaces it, or a head of the user's.
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

    `notes`: what the user should know, a line each. `warning`: why the head is poor and what to do, or None.
    """

    head: HeadFile
    path: Path
    seconds: float
    fit: Amount
    hold: Amount
    notes: tuple[str, ...]
    warning: str | None = None


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
    installed = _check_label(request, registry, store)
    if find_spec("sklearn") is None:
        raise MissingExtraError("add-head")
    source = request.source
    if installed and installed.view not in VIEWS:
        raise DataError(f"the head {request.label!r} judges successive frames: fit it with `dheads train --clips DIR`")
    generator = _generator(request.synthesizer or request.label, registry) if request.data is None else None
    card = _card(request, installed, generator)
    engine = load_backbone(backbone or bundled_backbone(), threads=1)  # the images are what is worked on in parallel
    images, hashes = _read(request, generator, registry)
    cache = cache or FeatureCache.default(os.environ)
    features = extract(images, hashes, engine, card.view, cache, progress, request.max_pixels)
    data = usable(images, features, hashes, source)
    split = split_by_content(data.images, [found.scene for found in data.features], request.seed)
    report("fit", 0, 1)
    head = _fit(request, card, data, split, engine.ref)
    path = _save(head, request, store)
    report("fit", 1, 1)
    return AddedHead(
        head=head,
        path=path,
        seconds=time.perf_counter() - started,
        fit=data.amount(split.fit),
        hold=data.amount(split.hold),
        notes=(*data.notes, *filter(None, (split.note, few_videos([data.images[i] for i in split.hold])))),
        warning=weakness(head),
    )


def _check_label(request: AddHeadRequest, registry: Registry, store: Store) -> HeadSpec | None:
    """Check that the result may be written; return the installed distortion of that label, if there is one."""
    label, out = check_label(request.label), request.out
    installed = registry.heads.get(label)
    if installed and installed.spec.scope == FAMILY:
        raise LabelTakenError(f"{label!r} is the name of a family, whose head is not a kind's: choose another label")
    if out is not None:
        _check_out(out, request.force)
    elif installed and installed.spec.weights is not None and installed.owner.distribution != USER:
        raise LabelTakenError(
            f"label {label!r} is taken by {installed.owner}: choose another label, or write a file only with --out FILE"
        )
    elif not request.force and os.path.lexists(store.path(label)):
        raise LabelTakenError(f"label {label!r} is taken by {store.path(label)}: replace it with --force")
    _check_writable(store.folder if out is None else out.parent)
    return installed.spec if installed else None


def _check_out(out: Path, force: bool) -> None:
    if not out.parent.is_dir():
        raise StoreError(f"{out.parent}: no such folder")
    if out.is_dir():
        raise StoreError(f"{out} is a folder: give the name of a file")
    if not force and os.path.lexists(out):
        raise StoreError(f"{out} exists: replace it with --force")


def _check_writable(folder: Path) -> None:
    """Raise `StoreError` if nothing can be written to `folder`, which need not exist."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if os.path.lexists(parent))
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise StoreError(f"{existing} cannot be written to: set DHEADS_HOME to another folder, or use --out FILE")


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


def _read(
    request: AddHeadRequest, generator: RegisteredHead | None, registry: Registry
) -> tuple[tuple[LabelledImage, ...], dict[Path, str]]:
    """Return the distinct images and the content hashes of their files, checked for number and classes."""
    source, label = request.source, request.label
    images = read_clean(source) if generator else read_data(source, label, request.frames)
    hashes = content_hashes([image.path for image in images])
    images = distinct(images, hashes)
    if generator is not None:
        others = [registry.heads[name] for name in sorted(registry.heads) if name != label]
        family = generator.spec.family  # negatives have distortions of other families
        others = [head for head in others if head.spec.synthesize is not None and head.spec.family != family]
        images = with_distorted(images, hashes, generator, others, request.seed)
    check_expected(images, source)
    return images, hashes


def _fit(request: AddHeadRequest, card: HeadCard, data: Dataset, split: HoldOut, backbone: BackboneRef) -> HeadFile:
    fit, hold = data.examples(split.fit), data.examples(split.hold)
    head = train_head(
        fit,
        hold,
        card,
        backbone,
        _provenance(request, card, data),
        seed=request.seed,
        max_fpr_clean=MAX_FPR_CLEAN,
        with_severity=bool(np.isfinite(fit.severity).any()),
    )
    return head if split.note is None else replace(head, metrics=replace(head.metrics, split="held-out files"))


def _provenance(request: AddHeadRequest, card: HeadCard, data: Dataset) -> Provenance:
    """Return names, hashes and counts; of paths only the last part, for a head file is given to others.

    The command has no --force and --out: the same head has the same bytes, wherever it goes.
    """
    name = request.source.resolve().name.encode("utf-8", "replace").decode() or "data"
    words = ["dheads", "add-head", request.label, "--clean" if request.data is None else "--data", name]
    options = {"synthesizer": request.synthesizer, "view": card.view, "seed": request.seed, "title": request.title}
    options |= {"family": request.family, "license": request.license}
    options["max-pixels"] = None if request.max_pixels == DEFAULT_MAX_PIXELS else request.max_pixels
    options["frames"] = None if request.frames == FRAMES else request.frames
    for option, value in options.items():
        words += [] if value is None else [f"--{option}", str(value)]
    positive = sum(image.label for image in data.images)
    return Provenance(
        data=name,
        data_sha256=data.sha256,
        n_pos=positive,
        n_neg=len(data.images) - positive,
        seed=request.seed,
        command=shlex.join(words),
        versions={package: version(package) for package in _PACKAGES},
    )


def _save(head: HeadFile, request: AddHeadRequest, store: Store) -> Path:
    if request.out is None:
        return store.save(head, overwrite=request.force)
    try:
        write_atomic(request.out, dump_head(head))
    except OSError as error:
        raise StoreError(f"{request.out} cannot be written: {reason(error).lower()}") from None
    return request.out
