"""A user's data -> the examples that a head is fitted on: checked for shortcuts, with rivals among the negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from distortion_heads.datasets.common_form import CommonForm, common_form
from distortion_heads.datasets.distorting import rivals_of, with_distorted, with_rivals
from distortion_heads.datasets.labelled_image import FRAMES, LabelledImage
from distortion_heads.datasets.own_data import check_expected, distinct, read_clean, read_data
from distortion_heads.datasets.properties import read_all_properties
from distortion_heads.datasets.shortcuts import Shortcut, find_shortcuts
from distortion_heads.errors import DataError
from distortion_heads.io.content_hashes import readable_hashes
from distortion_heads.io.images import DEFAULT_MAX_PIXELS
from distortion_heads.io.unread import Unread, left_out_text
from distortion_heads.registry.build import RegisteredHead, Registry

FAMILIES_OF_LIGHT = ("exposure", "light")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The data in `source`, for a head `label` of `family`.

    With a `generator` the pictures are clean and are distorted by it. `equalize`: bring all to a common form; None:
    where a property of the files separates the classes, which `strict` refuses. `rivals`: other distortions of the
    clean pictures join the negatives.
    """

    source: Path
    label: str
    family: str
    generator: RegisteredHead | None = None
    frames: int = FRAMES
    seed: int = 0
    max_pixels: int = DEFAULT_MAX_PIXELS
    equalize: bool | None = None
    strict: bool = False
    rivals: bool = True


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """The examples, the SHA-256 of each of their files, and what the user should know of them, a line each.

    `unread`: files that are left out.
    """

    images: tuple[LabelledImage, ...]
    hashes: Mapping[Path, str]
    notes: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()


def gather(wanted: Wanted, registry: Registry) -> Gathered:
    """Read, check and complete the data. Raises `DataError` if they cannot be trained on."""
    source, generator = wanted.source, wanted.generator
    unread: list[Unread] = []
    images = read_clean(source, unread) if generator else read_data(source, wanted.label, wanted.frames, unread)
    hashes, empty = readable_hashes([image.path for image in images])
    unread += empty
    images = distinct([image for image in images if image.path in hashes], hashes)
    notes: tuple[str, ...] = ()
    if generator is not None:
        images = with_distorted(images, hashes, generator, wanted.seed)
    check_expected(images, source, left_out_text(unread, len(hashes) + len(unread)))
    if generator is None:
        images, notes = _equalized(images, wanted)
    if wanted.rivals:
        others = rivals_of(registry, wanted.label, generator.spec.family if generator else wanted.family)
        images = with_rivals(images, hashes, others, wanted.label, wanted.seed)
    return Gathered(images=images, hashes=hashes, notes=notes, unread=tuple(unread))


def _equalized(images: tuple[LabelledImage, ...], wanted: Wanted) -> tuple[tuple[LabelledImage, ...], tuple[str, ...]]:
    """Return the images, in a common form where that is wanted or a shortcut is there, and what was found."""
    properties = read_all_properties([image.path for image in images], wanted.max_pixels)
    positive = [image.label for image in images]
    found = find_shortcuts(properties, positive, wanted.label)
    light = [shortcut for shortcut in found if shortcut.name == "light" and wanted.family not in FAMILIES_OF_LIGHT]
    found = tuple(shortcut for shortcut in found if shortcut.name != "light")
    if found and wanted.strict:
        raise DataError(f"{wanted.source}: --strict: {_text(found)}: give both classes in the same forms")
    form = None
    if wanted.equalize or (found and wanted.equalize is None):
        differ = None if wanted.equalize else [shortcut.name for shortcut in found]
        form = common_form(properties, positive, differ)
    if form is not None:
        images = tuple(replace(image, form=form) for image in images)
    return images, (*_notes(found, form, wanted.equalize), *(_hint(shortcut) for shortcut in light))


def _text(found: Sequence[Shortcut]) -> str:
    return "; ".join(shortcut.text for shortcut in found)


def _notes(found: Sequence[Shortcut], form: CommonForm | None, equalize: bool | None) -> list[str]:
    if not found:
        return [] if form is None else [f"all were brought to a common form ({form}), as --equalize asks for"]
    if equalize is False:
        return [f"{_text(found)}: the head may learn this instead (--equalize brings all to a common form)"]
    left = [shortcut.name for shortcut in found if shortcut.name in ("camera", "depth")]
    if form is None:
        return [f"{_text(found)}: the head may learn this instead, and it cannot be evened out"]
    warning = f"; {' and '.join(left)} cannot be evened out" if left else ""
    return [f"{_text(found)}: all were brought to a common form ({form}) for training and figures{warning}"]


def _hint(shortcut: Shortcut) -> str:
    return f"{shortcut.text}: unless that is what the head is to find, give both classes in the same light"
