"""Fit and held-out part, disjoint in content: the distorted version of a scene stays with the scene."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from distortion_heads.datasets.labelled_image import LabelledImage
from distortion_heads.errors import DataError
from distortion_heads.io.image_hashes import join_near

HOLD_SHARE = 0.28
ACCEPTED = (0.2, 0.4)
"""Share of each class that may be held out."""

SAME_SCENE_BITS = 6
"""Largest Hamming distance at which two difference hashes of 64 bits are of one scene."""

MOST_FOLDS = 5
UNEVEN = 0.4
"""Least share of a class in a fold, of what it would have if all had the same."""

_HOPELESS = "the pictures cannot be split so that both parts have both classes: give more different files"
TRIALS = 32
GOOD_ENOUGH = 0.02


@dataclass(frozen=True, kw_only=True, eq=False)
class HoldOut:
    """Increasing indices, int64, of the images to fit on and to hold out; `scene` (n,) of each image.

    `note`: what is wrong, if anything. `count`: there are no folds.
    """

    fit: NDArray[np.int64]
    hold: NDArray[np.int64]
    scene: NDArray[np.int64]
    note: str | None = None
    count: Literal[0] = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Folds:
    """The fold (n,) of each image, 0 to `count` - 1, and its scene (n,); `note`: what is wrong, if anything."""

    fold: NDArray[np.int64]
    scene: NDArray[np.int64]
    count: int
    note: str | None = None

    @property
    def fit(self) -> NDArray[np.int64]:
        """Return the indices of all images, for each is fitted on in the end ..."""
        return np.arange(len(self.fold))

    @property
    def hold(self) -> NDArray[np.int64]:
        """... and answered by a head that did not see its fold."""
        return self.fit


def folds_by_content(images: Sequence[LabelledImage], scenes: Sequence[int | None], seed: int) -> Folds:
    """Part the images into five folds, fewer where there are fewer scenes; no scene is in two, see `split_by_content`.

    Every fold has about as much of each class. Raises `DataError` if nothing helps.
    """
    positive = np.array([image.label for image in images], bool)
    for groups, warning in _groupings(images, scenes):
        for count in range(MOST_FOLDS, 1, -1):
            fold = _deal(groups, positive, count, seed)
            if fold is not None:
                note = f"{warning}, so the figures may be too good" if warning else None
                return Folds(fold=fold, scene=groups, count=count, note=note)
    raise DataError(_HOPELESS)


def split_by_content(images: Sequence[LabelledImage], scenes: Sequence[int | None], seed: int) -> HoldOut:
    """Hold out about 28 % of each class; `scenes` are the images' difference hashes.

    Images are of one scene if the user gave them one group. Those without a group are of one scene if they are
    called alike (the same stem, or one stem continues the other: photo, photo_blur) or look alike. Where such scenes
    leave no balanced split, looks and then names are dropped, and the note says so. What is of one video
    is never parted.

    Raises `DataError` if nothing helps.
    """
    positive = np.array([image.label for image in images], bool)
    for groups, warning in _groupings(images, scenes):
        held = _hold_out(groups, positive, seed)
        if held is not None:
            note = f"{warning}, so the held-out figures may be too good" if warning else None
            return HoldOut(fit=np.flatnonzero(~held), hold=np.flatnonzero(held), scene=groups, note=note)
    raise DataError(_HOPELESS)


def scene_numbers(images: Sequence[LabelledImage], scenes: Sequence[int | None]) -> NDArray[np.int64]:
    """Return a number per image, equal in one scene, as `split_by_content` tells scenes apart."""
    return next(_groupings(images, scenes))[0]


def _groupings(
    images: Sequence[LabelledImage], scenes: Sequence[int | None]
) -> Iterator[tuple[NDArray[np.int64], str | None]]:
    """Yield a number per image, equal in one scene, from strict to lax; and what is wrong with the lax ones."""
    names = _numbered([f"stem {i.path.stem}" if i.group is None else f"group {i.group}" for i in images])
    files = _numbered([str(image.path) for image in images])
    names = _join_parts(names, files, np.array([image.clip is not None for image in images], bool))
    yield _join_alike(_join_families(names, images), images, scenes), None
    yield _join_alike(names, images, scenes), None
    yield names, "too many of the pictures look alike: only those with one name or group are kept together"
    yield files, "the pictures are of too few scenes: the held-out ones show scenes that were fitted on too"


def _numbered(keys: Sequence[str]) -> NDArray[np.int64]:
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], np.int64)


def _join_parts(groups: NDArray[np.int64], files: NDArray[np.int64], video: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Join what is of one video, though the user may have given parts of it different groups."""
    groups = groups.copy()
    _, first, file = np.unique(files, return_index=True, return_inverse=True)
    for index in np.flatnonzero(video & (groups != groups[first[file]])):
        groups[groups == groups[index]] = groups[first[file[index]]]
    return groups


def _join_families(groups: NDArray[np.int64], images: Sequence[LabelledImage]) -> NDArray[np.int64]:
    """Join each stem with the stems that it continues after a separator."""
    groups = groups.copy()
    first: dict[str, int] = {}
    for index, image in enumerate(images):
        if image.group is None:
            first.setdefault(image.path.stem, index)
    for stem, index in first.items():
        for separator in re.finditer(r"[-_. ]", stem):
            root = first.get(stem[: separator.start()])
            if root is not None:
                groups[groups == groups[index]] = groups[root]
    return groups


def _join_alike(
    groups: NDArray[np.int64], images: Sequence[LabelledImage], scenes: Sequence[int | None]
) -> NDArray[np.int64]:
    """Join images whose hashes are near, unless the user gave groups to both."""
    return join_near(groups, scenes, SAME_SCENE_BITS, [image.group is None for image in images])


def _hold_out(groups: NDArray[np.int64], positive: NDArray[np.bool_], seed: int) -> NDArray[np.bool_] | None:
    """Choose whole groups so that near `HOLD_SHARE` of each class is held: (n,) bool, or None outside `ACCEPTED`."""
    _, index = np.unique(groups, return_inverse=True)
    count = int(index.max()) + 1
    shares = np.stack([np.bincount(index, weights, count) / weights.sum() for weights in (positive, ~positive)], axis=1)
    rng = np.random.default_rng(seed)
    best, best_cost = np.zeros(count, bool), np.inf
    for _ in range(TRIALS):
        held = _fill(shares, rng.permutation(count))
        cost = float(np.abs(shares[held].sum(0) - HOLD_SHARE).sum())
        if cost < best_cost:
            best, best_cost = held, cost
        if cost <= GOOD_ENOUGH:
            break
    total = shares[best].sum(0)
    return best[index] if ACCEPTED[0] <= total.min() and total.max() <= ACCEPTED[1] else None


def _fill(shares: NDArray[np.float64], order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Take groups in `order`, each that brings the held shares of the classes nearer to `HOLD_SHARE`."""
    held = np.zeros(len(shares), bool)
    gap_positive = gap_negative = HOLD_SHARE
    for group, (positive, negative) in zip(order.tolist(), shares[order].tolist(), strict=True):
        rest_positive, rest_negative = gap_positive - positive, gap_negative - negative
        if abs(rest_positive) + abs(rest_negative) < abs(gap_positive) + abs(gap_negative):
            held[group] = True
            gap_positive, gap_negative = rest_positive, rest_negative
    return held


def _deal(groups: NDArray[np.int64], positive: NDArray[np.bool_], count: int, seed: int) -> NDArray[np.int64] | None:
    """Deal whole groups, the largest first, to the folds that need them most: (n,), or None if that is uneven."""
    _, index = np.unique(groups, return_inverse=True)
    number = int(index.max()) + 1
    shares = np.stack([np.bincount(index, side, number) / max(side.sum(), 1) for side in (positive, ~positive)], axis=1)
    rng = np.random.default_rng(seed)
    best, best_least = np.zeros(number, np.int64), -1.0
    for _ in range(TRIALS):
        order = rng.permutation(number)
        order = order[np.argsort(-shares[order].sum(1), kind="stable")]
        filled, dealt = np.zeros((count, 2)), np.zeros(number, np.int64)
        for group in order.tolist():
            dealt[group] = int((np.square(filled + shares[group]) - np.square(filled)).sum(1).argmin())
            filled[dealt[group]] += shares[group]
        if filled.min() > best_least:
            best, best_least = dealt, float(filled.min())
        if best_least >= (1 - GOOD_ENOUGH) / count:
            break
    return best[index] if best_least >= UNEVEN / count else None
