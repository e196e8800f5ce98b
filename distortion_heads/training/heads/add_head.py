"""Train one head on the frozen backbone and attach it: label, data, features, split, fit, file."""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from distortion_heads._system.errors_text import reason
from distortion_heads.backbones.open import bundled_backbone, load_backbone
from distortion_heads.datasets.distorting import with_distorted
from distortion_heads.datasets.labelled_image import FRAMES, Amount, LabelledImage, few_videos
from distortion_heads.datasets.own_data import check_expected, distinct, read_clean, read_data
from distortion_heads.datasets.split_by_content import HoldOut, split_by_content
from distortion_heads.errors import DataError, LabelTakenError, MissingExtraError, StoreError
from distortion_heads.heads.head import HeadFile, Provenance
from distortion_heads.io.image_hashes import content_hashes
from distortion_heads.io.images import DEFAULT_MAX_PIXELS
from distortion_heads.registry.build import RegisteredHead, Registry
from distortion_heads.registry.discovery import USER
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import VIEWS, BackboneRef, BackboneSpec, HeadSpec, View, check_label
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.features.extract import Progress, extract
from distortion_heads.training.features.labelled import Dataset, usable
from distortion_heads.training.heads.train_head import HeadCard, train_head, weakness

_PACKAGES = ("distortion-heads", "numpy", "onnxruntime", "pillow", "scikit-learn", "scipy")
LICENSE = "unspecified"
"""Of a head that its owner says nothing about: it is theirs."""

MAX_FPR_CLEAN = 0.02
"""Share of the held-out clean pictures on which the head may fire: none of fewer than 50."""


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


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What is trained, on what, and where it goes; made and checked before any long work.

    `given`: the options that decide the head, as far as they were given, for its provenance.
    """

    card: HeadCard
    given: tuple[tuple[str, str], ...]
    max_pixels: int
    frames: int
    source: Path
    generator: RegisteredHead | None
    others: tuple[RegisteredHead, ...]
    seed: int
    force: bool
    store: Store
    out: Path | None


def add_head(
    label: str,
    *,
    data: Path | None = None,
    clean: Path | None = None,
    synthesizer: str | None = None,
    view: View | None = None,
    seed: int = 0,
    force: bool = False,
    store: Store,
    registry: Registry,
    out: Path | None = None,
    progress: Progress | None = None,
    title: str | None = None,
    family: str | None = None,
    license: str | None = None,  # noqa: A002 - the name in the head file
    max_pixels: int = DEFAULT_MAX_PIXELS,
    frames: int = FRAMES,
    backbone: BackboneSpec | None = None,
    cache: FeatureCache | None = None,
) -> AddedHead:
    """Train the head `label` and save it in `store`, or in the file `out` alone. Nothing is written if anything fails.

    Either `data` (folder or CSV, see `read_data`) or `clean` (folder of clean pictures, distorted by the generator of
    the installed head `synthesizer`, by default `label`). What is not given comes from the installed head of that
    label. `force` replaces a head of the user's own, or the file `out`; `max_pixels` limits each picture or frame.
    Of each video in `data`, or each part of one that has a row of its own, `frames` evenly spread ones are taken.

    Raises `InvalidLabelError`, `LabelTakenError`, `MissingExtraError`, `DataError`, `BackboneError` or `StoreError`.
    """
    started = time.perf_counter()
    spec = _check_label(label, registry, store, out, force)
    if find_spec("sklearn") is None:
        raise MissingExtraError("add-head")
    source = _source(data, clean, synthesizer)
    if spec and spec.view not in VIEWS:
        raise DataError(f"the head {label!r} judges successive frames: fit it with `dheads train --clips DIR`")
    generator = _generator(synthesizer or label, registry) if data is None else None
    known = spec or (generator.spec if generator else None)
    card = HeadCard(
        label=label,
        title=_first(title, spec.title if spec else label.replace("_", " ").capitalize()),
        family=_first(family, known.family if known else "other"),
        license=_first(license, LICENSE),
        view=view or (known.view if known else "native"),
    )
    limit = None if max_pixels == DEFAULT_MAX_PIXELS else str(max_pixels)
    taken = None if frames == FRAMES else str(frames)
    options = {"synthesizer": synthesizer, "view": card.view, "seed": str(seed)}
    options |= {"title": title, "family": family, "license": license, "max-pixels": limit, "frames": taken}
    plan = _Plan(
        card=card,
        given=tuple((f"--{name}", value) for name, value in options.items() if value is not None),
        max_pixels=max_pixels,
        frames=frames,
        source=source,
        generator=generator,
        others=_others(registry, label, generator.spec.family) if generator else (),
        seed=seed,
        force=force,
        store=store,
        out=out,
    )
    return _run(plan, backbone or bundled_backbone(), cache or FeatureCache.default(os.environ), progress, started)


def _run(
    plan: _Plan, backbone: BackboneSpec, cache: FeatureCache, progress: Progress | None, started: float
) -> AddedHead:
    engine = load_backbone(backbone, threads=1)  # the images are what is worked on in parallel
    images, hashes = _read(plan)
    features = extract(images, hashes, engine, plan.card.view, cache, progress, plan.max_pixels)
    data = usable(images, features, hashes, plan.source)
    split = split_by_content(data.images, [found.scene for found in data.features], plan.seed)
    if progress is not None:
        progress("fit", 0, 1)
    head = _fit(plan, data, split, engine.ref)
    path = _save(head, plan)
    if progress is not None:
        progress("fit", 1, 1)
    return AddedHead(
        head=head,
        path=path,
        seconds=time.perf_counter() - started,
        fit=data.amount(split.fit),
        hold=data.amount(split.hold),
        notes=(*data.notes, *filter(None, (split.note, few_videos([data.images[i] for i in split.hold])))),
        warning=weakness(head),
    )


def _first(given: str | None, default: str) -> str:
    return default if given is None else given


def _check_label(label: str, registry: Registry, store: Store, out: Path | None, force: bool) -> HeadSpec | None:
    """Check that the result may be written; return the installed distortion of that label, if there is one."""
    check_label(label)
    installed = registry.heads.get(label)
    if out is not None:
        _check_out(out, force)
    elif installed and installed.spec.weights is not None and installed.owner.distribution != USER:
        raise LabelTakenError(
            f"label {label!r} is taken by {installed.owner}: choose another label, or write a file only with --out FILE"
        )
    elif not force and os.path.lexists(store.path(label)):
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
    """Raise `StoreError` if it is plain already that nothing can be written there; it need not exist."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if os.path.lexists(parent))
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise StoreError(f"{existing} cannot be written to: set DHEADS_HOME to another folder, or use --out FILE")


def _source(data: Path | None, clean: Path | None, synthesizer: str | None) -> Path:
    if clean is not None and data is None:
        return clean
    if data is not None and clean is None and synthesizer is None:
        return data
    raise DataError(
        "give either --data (folder or CSV) or --clean DIR (clean pictures), --synthesizer only with --clean"
    )


def _generator(label: str, registry: Registry) -> RegisteredHead:
    if label in registry.heads and registry.heads[label].spec.synthesize is not None:
        return registry.heads[label]
    able = ", ".join(sorted(name for name, head in registry.heads.items() if head.spec.synthesize is not None))
    raise DataError(f"no plugin can make {label!r}: use --data, or --synthesizer with one of: {able or '(none)'}")


def _others(registry: Registry, label: str, family: str) -> tuple[RegisteredHead, ...]:
    """The installed distortions of other families, sorted."""
    heads = [registry.heads[name] for name in sorted(registry.heads) if name != label]
    return tuple(head for head in heads if head.spec.synthesize is not None and head.spec.family != family)


def _read(plan: _Plan) -> tuple[tuple[LabelledImage, ...], dict[Path, str]]:
    """The distinct images and the content hashes of their files, checked for number and classes."""
    images = read_clean(plan.source) if plan.generator else read_data(plan.source, plan.card.label, plan.frames)
    hashes = content_hashes([image.path for image in images])
    images = distinct(images, hashes)
    if plan.generator is not None:
        images = with_distorted(images, hashes, plan.generator, plan.others, plan.seed)
    check_expected(images, plan.source)
    return images, hashes


def _fit(plan: _Plan, data: Dataset, split: HoldOut, backbone: BackboneRef) -> HeadFile:
    fit, hold = data.examples(split.fit), data.examples(split.hold)
    severe = bool(np.isfinite(fit.severity).any())
    provenance = _provenance(plan, data)
    head = train_head(
        fit,
        hold,
        plan.card,
        backbone,
        provenance,
        seed=plan.seed,
        max_fpr_clean=MAX_FPR_CLEAN,
        with_severity=severe,
    )
    return head if split.note is None else replace(head, metrics=replace(head.metrics, split="held-out files"))


def _provenance(plan: _Plan, data: Dataset) -> Provenance:
    """Names, hashes and counts; of paths only the last part, for a head file is given to others.

    The command has no --force and --out: the same head has the same bytes, wherever it goes.
    """
    name = plan.source.resolve().name.encode("utf-8", "replace").decode() or "data"
    words = ["dheads", "add-head", plan.card.label, "--clean" if plan.generator else "--data", name]
    words += [word for option in plan.given for word in option]
    positive = sum(image.label for image in data.images)
    return Provenance(
        data=name,
        data_sha256=data.sha256,
        n_pos=positive,
        n_neg=len(data.images) - positive,
        seed=plan.seed,
        command=shlex.join(words),
        versions={package: version(package) for package in _PACKAGES},
    )


def _save(head: HeadFile, plan: _Plan) -> Path:
    if plan.out is None:
        return plan.store.save(head, overwrite=plan.force)
    from distortion_heads._system.atomic import write_atomic
    from distortion_heads.heads.file import dump_head

    try:
        write_atomic(plan.out, dump_head(head))
    except OSError as error:
        raise StoreError(f"{plan.out} cannot be written: {reason(error).lower()}") from None
    return plan.out
