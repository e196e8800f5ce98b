"""Labelled pictures and videos with their features: what a head is fitted and measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.labelled_image import Amount, LabelledImage
from distortion_heads.datasets.own_data import check_counts
from distortion_heads.io.unread import Unread, left_out_text
from distortion_heads.training.features.compute import Failure, Features, ImageFeatures
from distortion_heads.training.features.examples import Examples


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images and their features, in one order; a video is listed once for each of its frames.

    `sha256`: over the sorted content hashes of their files, and which frames of a video were taken. `unread`: files
    that gave nothing.
    """

    images: tuple[LabelledImage, ...]
    features: tuple[ImageFeatures, ...]
    sha256: str
    notes: tuple[str, ...]
    unread: tuple[Unread, ...] = ()

    def examples(self, index: NDArray[np.int64]) -> Examples:
        """Return the images at `index`, as a head is fitted or measured on them."""
        images = [self.images[i] for i in index]
        return Examples.pack(
            [self.features[i].windows for i in index],
            [image.label for image in images],
            [np.nan if image.severity is None else image.severity for image in images],
            [image.clean for image in images],
        )

    def without(self, families: Sequence[str], note: str) -> Dataset:
        """Return the data without the rivals of these families, and with one note more."""
        specs = [image.rival_spec for image in self.images]
        kept = [i for i, spec in enumerate(specs) if spec is None or spec.family not in families]
        images, features = tuple(self.images[i] for i in kept), tuple(self.features[i] for i in kept)
        return replace(self, images=images, features=features, notes=(*self.notes, note))

    def amount(self, index: NDArray[np.int64]) -> Amount:
        """Count those of the images at `index` that were given."""
        return Amount.of(self.given(index))

    def given(self, index: NDArray[np.int64]) -> list[LabelledImage]:
        """Return the images at `index` without those that were made to be rivals."""
        return [self.images[i] for i in index if not self.images[i].rival]


def usable(
    images: Sequence[LabelledImage],
    results: Sequence[Features | Failure],
    hashes: Mapping[Path, str],
    source: Path,
    unread: Sequence[Unread] = (),
) -> Dataset:
    """Return what has features, without files that cannot be read and negatives that another plugin failed to make.

    `unread`: files that were left out before. Raises `DataError` if too few are left.
    """
    pairs = list(zip(images, results, strict=True))
    reasons = {i.path: result.reason for i, result in pairs if isinstance(result, Failure) and not i.rival}
    total = len(hashes) + len(unread)
    unread = (*unread, *(Unread(path, reason) for path, reason in reasons.items()))
    failed = [r for i, r in pairs if isinstance(r, Failure) and i.path not in reasons]
    kept: list[LabelledImage] = []
    features: list[ImageFeatures] = []
    for image, result in pairs:
        if isinstance(result, Features):
            kept += [image] * len(result.frames)
            features += result.frames
    check_counts(kept, source, left_out_text(unread, total))
    notes = [f"{len(failed)} negatives with another distortion are left out: {failed[0].reason}"] if failed else []
    digests = {f"{hashes[image.path]} {image.clip.key if image.clip else ''}".rstrip() for image in kept}
    return Dataset(
        images=tuple(kept),
        features=tuple(features),
        sha256=hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest(),
        notes=(*notes, *_notes(kept, hashes, len(reasons)), *_video_notes(kept, pairs)),
        unread=unread,
    )


def _notes(kept: Sequence[LabelledImage], hashes: Mapping[Path, str], unread: int) -> list[str]:
    notes = []
    if repeated := len(hashes) - len({image.path for image in kept}) - unread:
        kind = "files" if any(image.clip for image in kept) else "pictures"
        notes.append(f"{kind} left out, as the same file is there under another name: {repeated}")
    if not any(image.clean for image in kept):
        notes.append("no picture is known to be clean (as those in a folder clean/): no false-alarm rate is measured")
    return notes


def _video_notes(kept: Sequence[LabelledImage], pairs: Sequence[tuple[LabelledImage, Features | Failure]]) -> list[str]:
    notes = []
    damaged = [(i, r.problem) for i, r in pairs if isinstance(r, Features) and r.problem is not None]
    if damaged:
        image, problem = damaged[0]
        first = "" if len(damaged) == 1 else "the first is "
        notes.append(f"{len(damaged)} videos are damaged and used as far as they go: {first}{image.path}: {problem}")
    kinds = [{image.clip is not None for image in kept if image.label is side} for side in (True, False)]
    if kinds[0].isdisjoint(kinds[1]):
        notes.append(
            "pictures are on one side and videos on the other: the head may learn to tell these apart, "
            "so give some of both with and without the distortion"
        )
    return notes
