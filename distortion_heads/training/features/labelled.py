"""Labelled pictures and videos -> features on the frozen backbone, kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.atomic import replacing
from distortion_heads._system.threads import usable_cores
from distortion_heads.backbones.base import FeatureSource
from distortion_heads.datasets.labelled_image import Amount, LabelledImage
from distortion_heads.datasets.own_data import check_counts
from distortion_heads.io.image_hashes import unreadable
from distortion_heads.io.images import DEFAULT_MAX_PIXELS
from distortion_heads.spec import View, view_key, width_of
from distortion_heads.training.features.compute import (
    Failure,
    ImageFeatures,
    VideoFeatures,
    check_sizes,
    compute,
    from_bytes,
    to_bytes,
)
from distortion_heads.training.features.examples import Examples

MAX_WORKERS = 4
FORMAT = "dheads features 2"

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the name of the stage, what is done of it, and how much there is."""


Result: TypeAlias = ImageFeatures | VideoFeatures | Failure


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images and their features, in one order; a video is listed once for each of its frames.

    `sha256`: over the sorted content hashes of their files, and which frames of a video were taken.
    """

    images: tuple[LabelledImage, ...]
    features: tuple[ImageFeatures, ...]
    sha256: str
    notes: tuple[str, ...]

    def examples(self, index: NDArray[np.int64]) -> Examples:
        """What a head is fitted or measured on: the images at `index`."""
        images = [self.images[i] for i in index]
        return Examples.pack(
            [self.features[i].windows for i in index],
            [image.label for image in images],
            [np.nan if image.severity is None else image.severity for image in images],
            [image.clean for image in images],
        )

    def amount(self, index: NDArray[np.int64]) -> Amount:
        """What is at `index`."""
        return Amount.of(self.images[i] for i in index)


@dataclass(frozen=True)
class FeatureCache:
    """One small file per picture or video below `folder`.

    A damaged one is as good as none, what cannot be written is not kept.
    """

    folder: Path

    @classmethod
    def default(cls, environ: Mapping[str, str]) -> FeatureCache:
        """In `$DHEADS_CACHE`, else `$DHEADS_HOME/cache`, else the user's cache folder."""
        if chosen := environ.get("DHEADS_CACHE"):
            return cls(Path(os.path.expanduser(chosen)))  # noqa: PTH111 - Path raises for an unknown user
        if home := environ.get("DHEADS_HOME"):
            return cls(Path(os.path.expanduser(home)) / "cache")  # noqa: PTH111
        from platformdirs import user_cache_path

        return cls(user_cache_path("dheads"))

    def path(self, key: str) -> Path:
        return self.folder / "features" / key[:2] / key

    def read(self, key: str, dim: int) -> ImageFeatures | None:
        """What was written for `key`, bit for bit; None if there is nothing or it is damaged."""
        found = self.read_all(key, dim)
        return found[0] if found is not None and len(found) == 1 else None

    def read_all(self, key: str, dim: int) -> tuple[ImageFeatures, ...] | None:
        """All frames of a video."""
        try:
            return from_bytes(key, self.path(key).read_bytes(), dim)
        except OSError:
            return None

    def write(self, key: str, *images: ImageFeatures) -> None:
        """Keep one image, or all frames of a video; other processes see all of it or nothing."""
        path = self.path(key)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path, sync=False) as temporary:  # the checksum finds a torn one
                temporary.write_bytes(to_bytes(key, images))


def cache_key(image: LabelledImage, content: str, fingerprint: str, view: View) -> str:
    """SHA-256 (hex) of all that decides the features; `content` is the SHA-256 of the file."""
    made = image.recipe or image.clip
    how = made.key if made else "as it is"
    return hashlib.sha256("\0".join((FORMAT, content, fingerprint, view_key(view), how)).encode()).hexdigest()


def extract(
    images: Sequence[LabelledImage],
    hashes: Mapping[Path, str],
    backbone: FeatureSource,
    view: View,
    cache: FeatureCache,
    progress: Progress | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> list[Result]:
    """Features of all images in their order, those in the cache without decoding anything.

    The same values come from the cache and from a first run. The files are the unit of parallel work, so give a
    backbone of one thread. `max_pixels` limits each picture and each frame, also of what is in the cache. Raises
    nothing for a file that cannot be used or a generator that fails: see `Failure`.
    """
    keys = [cache_key(image, hashes[image.path], backbone.ref.fingerprint, view) for image in images]
    work = partial(_cached, backbone=backbone, view=view, cache=cache, max_pixels=max_pixels)
    results: list[Result] = []
    pool = ThreadPoolExecutor(min(MAX_WORKERS, usable_cores()))
    try:
        for result in pool.map(work, images, keys):
            results.append(result)
            if progress is not None:
                progress("features", len(results), len(images))
    finally:
        pool.shutdown(cancel_futures=True)
    return results


def usable(
    images: Sequence[LabelledImage], results: Sequence[Result], hashes: Mapping[Path, str], source: Path
) -> Dataset:
    """What has features; left out are negatives that another plugin failed to make, and what is missing of a video.

    Raises `DataError` if any other image has none, or too few are left.
    """
    pairs = list(zip(images, results, strict=True))
    failed = [(image, result) for image, result in pairs if isinstance(result, Failure)]
    fatal = {image.path: result.reason for image, result in failed if not _is_extra(image)}
    if fatal:
        raise unreadable(tuple(fatal.items()), len(hashes))
    kept: list[LabelledImage] = []
    features: list[ImageFeatures] = []
    for image, result in pairs:
        found = _frames(result)
        kept += [image] * len(found)
        features += found
    check_counts(kept, source)
    notes = [f"{len(failed)} negatives with another distortion are left out: {failed[0][1].reason}"] if failed else []
    digests = {f"{hashes[image.path]} {image.clip.key if image.clip else ''}".rstrip() for image in kept}
    return Dataset(
        images=tuple(kept),
        features=tuple(features),
        sha256=hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest(),
        notes=(*notes, *_notes(kept, hashes), *_video_notes(kept, pairs)),
    )


def _frames(result: Result) -> tuple[ImageFeatures, ...]:
    if isinstance(result, VideoFeatures):
        return result.frames
    return (result,) if isinstance(result, ImageFeatures) else ()


def _notes(kept: Sequence[LabelledImage], hashes: Mapping[Path, str]) -> list[str]:
    notes = []
    if repeated := len(hashes) - len({image.path for image in kept}):
        kind = "files" if any(image.clip for image in kept) else "pictures"
        notes.append(f"{kind} left out, as the same file is there under another name: {repeated}")
    if not any(image.clean for image in kept):
        notes.append("no picture is known to be clean (as those in a folder clean/): no false-alarm rate is measured")
    return notes


def _video_notes(kept: Sequence[LabelledImage], pairs: Sequence[tuple[LabelledImage, Result]]) -> list[str]:
    notes = []
    damaged = [(i, r.problem) for i, r in pairs if isinstance(r, VideoFeatures) and r.problem is not None]
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


def _is_extra(image: LabelledImage) -> bool:
    return image.recipe is not None and image.recipe.step is not None and not image.label


def _cached(
    image: LabelledImage, key: str, *, backbone: FeatureSource, view: View, cache: FeatureCache, max_pixels: int
) -> Result:
    """A damaged video is not kept: what is wrong with it is to be told every time."""
    found = cache.read_all(key, width_of(view, backbone.ref.dim))
    if found is not None:
        too_large = check_sizes(image, found, max_pixels)
        return too_large or (found[0] if image.clip is None else VideoFeatures(frames=found))
    made = compute(image, backbone, view, max_pixels)
    if isinstance(made, ImageFeatures):
        cache.write(key, made)
    elif isinstance(made, VideoFeatures) and made.problem is None:
        cache.write(key, *made.frames)
    return made
