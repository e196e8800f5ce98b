"""Labelled images -> features on the frozen backbone, kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbone import FeatureSource
from distortion_heads.errors import DheadsError, InputError
from distortion_heads.images import DEFAULT_MAX_PIXELS, load_image
from distortion_heads.pipeline import check_padded, view_features
from distortion_heads.spec import View
from distortion_heads.training.datasets import LabelledImage, check_counts, unreadable
from distortion_heads.training.examples import Examples
from distortion_heads.training.split import difference_hash

MAX_WINDOWS = 64
"""Windows kept of one image, evenly spread over it: enough to learn from, and bounds the memory of large pictures."""

MAX_WORKERS = 4
FORMAT = "dheads features 1"
_LARGEST = float(np.finfo(np.float16).max)

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the name of the stage, what is done of it, and how much there is."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageFeatures:
    """`windows` float16 (K, dim), K at most `MAX_WINDOWS`; `scene`: difference hash of the file, undistorted."""

    windows: NDArray[np.float16]
    scene: int | None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an image has no features."""

    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images and their features, in one order. `sha256`: over the sorted content hashes of their files."""

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


@dataclass(frozen=True)
class FeatureCache:
    """One small file per image below `folder`; a damaged one is as good as none, what cannot be written is not kept."""

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
        try:
            data = self.path(key).read_bytes()
        except OSError:
            return None
        body = data[:-32]
        if hashlib.sha256(key.encode() + body).digest() != data[-32:] or (len(body) - 9) % (2 * dim):
            return None
        windows = np.frombuffer(body, "<f2", offset=9).reshape(-1, dim).astype(np.float16)
        return ImageFeatures(windows=windows, scene=int.from_bytes(body[1:9]) if body[0] else None)

    def write(self, key: str, image: ImageFeatures) -> None:
        """Keep `image`; other processes see all of it or nothing."""
        scene = b"\0" * 9 if image.scene is None else b"\1" + image.scene.to_bytes(8)
        body = scene + image.windows.astype("<f2").tobytes()
        path = self.path(key)
        temporary = path.with_name(f".{key}.{secrets.token_hex(8)}.tmp")
        # Unlike a head, a file that a crash tears is not worth a sync: the checksum tells.
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_bytes(body + hashlib.sha256(key.encode() + body).digest())
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)


def cache_key(image: LabelledImage, content: str, fingerprint: str, view: View) -> str:
    """SHA-256 (hex) of all that decides the features; `content` is the SHA-256 of the file."""
    recipe = image.recipe.key if image.recipe else "as it is"
    return hashlib.sha256("\0".join((FORMAT, content, fingerprint, view, recipe)).encode()).hexdigest()


def extract(
    images: Sequence[LabelledImage],
    hashes: Mapping[Path, str],
    backbone: FeatureSource,
    view: View,
    cache: FeatureCache,
    progress: Progress | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> list[ImageFeatures | Failure]:
    """Features of all images in their order, those in the cache without decoding anything.

    The same values come from the cache and from a first run. The images are the unit of parallel work, so give a
    backbone of one thread. `max_pixels` limits each file that is decoded. Raises nothing for an image that cannot be
    used or a generator that fails: see `Failure`.
    """
    keys = [cache_key(image, hashes[image.path], backbone.ref.fingerprint, view) for image in images]
    work = partial(_cached, backbone=backbone, view=view, cache=cache, max_pixels=max_pixels)
    results: list[ImageFeatures | Failure] = []
    pool = ThreadPoolExecutor(min(MAX_WORKERS, os.cpu_count() or 1))
    try:
        for result in pool.map(work, images, keys):
            results.append(result)
            if progress is not None:
                progress("features", len(results), len(images))
    finally:
        pool.shutdown(cancel_futures=True)
    return results


def usable(
    images: Sequence[LabelledImage],
    results: Sequence[ImageFeatures | Failure],
    hashes: Mapping[Path, str],
    source: Path,
) -> Dataset:
    """The images that have features; left out are negatives that another plugin failed to make.

    Raises `DataError` if any other image has none, or too few are left.
    """
    failed = [(image, result) for image, result in zip(images, results, strict=True) if isinstance(result, Failure)]
    fatal = {image.path: result.reason for image, result in failed if not _is_extra(image)}
    if fatal:
        raise unreadable(tuple(fatal.items()), len(hashes))
    pairs = [(i, r) for i, r in zip(images, results, strict=True) if isinstance(r, ImageFeatures)]
    kept = tuple(image for image, _ in pairs)
    check_counts(kept, source)
    notes = []
    if failed:
        notes.append(f"{len(failed)} negatives with another distortion are left out: {failed[0][1].reason}")
    if repeated := len(hashes) - len({image.path for image in images}):
        notes.append(f"pictures left out, as the same file is there under another name: {repeated}")
    if not any(image.clean for image in kept):
        notes.append("no picture is known to be clean (as those in a folder clean/): no false-alarm rate is measured")
    digests = "\n".join(sorted({hashes[image.path] for image in kept}))
    return Dataset(
        images=kept,
        features=tuple(result for _, result in pairs),
        sha256=hashlib.sha256(digests.encode()).hexdigest(),
        notes=tuple(notes),
    )


def _is_extra(image: LabelledImage) -> bool:
    return image.recipe is not None and image.recipe.step is not None and not image.label


def _cached(
    image: LabelledImage, key: str, *, backbone: FeatureSource, view: View, cache: FeatureCache, max_pixels: int
) -> ImageFeatures | Failure:
    found = cache.read(key, backbone.ref.dim)
    if found is not None:
        return found
    made = _compute(image, backbone, view, max_pixels)
    if isinstance(made, ImageFeatures):
        cache.write(key, made)
    return made


def _compute(image: LabelledImage, backbone: FeatureSource, view: View, max_pixels: int) -> ImageFeatures | Failure:
    try:
        pixels = load_image(image.path, max_pixels=max_pixels)
        check_padded(pixels, max_pixels)
    except InputError as error:
        return Failure(reason=str(error))
    scene = difference_hash(pixels)
    if image.recipe is not None:
        try:
            pixels = image.recipe.apply(pixels, view)
        except DheadsError as error:
            return Failure(reason=str(error))
        except (Exception, SystemExit) as error:  # a plugin's generator raises anything
            label = image.recipe.step.spec.label if image.recipe.step else "clean"
            return Failure(reason=f"the generator of {label!r} failed: {type(error).__name__}: {_one_line(error)}")
    windows = _spread(view_features(backbone, pixels, view))
    return ImageFeatures(windows=np.clip(windows, -_LARGEST, _LARGEST).astype(np.float16), scene=scene)


def _spread(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(windows) <= MAX_WINDOWS:
        return windows
    chosen: NDArray[np.float32] = windows[np.linspace(0, len(windows) - 1, MAX_WINDOWS).round().astype(np.int64)]
    return chosen


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or "without a message"
