"""Whole real pictures as samples for family heads: what the eye says of them."""

from __future__ import annotations

from collections.abc import Container, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.base import FeatureSource
from distortion_heads.datasets.clean_pictures import load_scene
from distortion_heads.datasets.wild import CLEAN, read_wild
from distortion_heads.training.features.family_samples import FamilySamples, full_features
from distortion_heads.views.scene import scene_of

OFTEN = 20
"""How often each real picture counts among those that are made: there are few of them, and they are what is judged."""

MOST_WINDOWS = 24
"""Windows that are read of a large one."""

CERTAIN = np.inf
"""The loss of opinion on a fault that the eye calls clear, whose severity nobody noted."""


def faultless(paths: Sequence[Path], backbone: FeatureSource, families: Sequence[str]) -> FamilySamples | None:
    """Return whole pictures as samples without a fault; None for none. Raises `DataError` if one cannot be read."""
    return _samples(paths, backbone, np.zeros((len(paths), len(families)), np.float32), None)


def judged_ones(
    folder: Path | None, backbone: FeatureSource, families: Sequence[str], without: Container[str] = ()
) -> FamilySamples | None:
    """Return the pictures of the split "train" that are clean or have clear faults, each `OFTEN` times.

    What else may be wrong with a faulty one is not known. `without`: see `clean_ones`. Raises `DataError` if one
    cannot be read.
    """
    if folder is None:
        return None
    clear = [
        picture
        for picture in read_wild(folder, "train")
        if (picture.state == CLEAN or set(picture.families) & set(families)) and picture.path.stem not in without
    ]
    loss = np.zeros((len(clear), len(families)), np.float32)
    for row, picture in zip(loss, clear, strict=True):
        if picture.state != CLEAN:
            row[:] = [CERTAIN if family in picture.families else np.nan for family in families]
    samples = _samples([picture.path for picture in clear], backbone, loss, MOST_WINDOWS)
    return None if samples is None else joined([samples] * OFTEN)


def joined(parts: Sequence[FamilySamples]) -> FamilySamples:
    """Return the samples of all parts, one after the other."""
    counts = np.concatenate([np.diff(part.starts) for part in parts])
    return FamilySamples(
        native=np.concatenate([part.native for part in parts]),
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        sharp=np.concatenate([part.sharp for part in parts]),
        picture=np.concatenate([part.picture for part in parts]),
        loss=np.concatenate([part.loss for part in parts]),
    )


def _samples(
    paths: Sequence[Path], backbone: FeatureSource, loss: NDArray[np.float32], most_windows: int | None
) -> FamilySamples | None:
    read = [full_features(backbone, scene_of(load_scene(path)), most_windows) for path in paths]
    if not read:
        return None
    counts = [len(native) for native, _ in read]
    return FamilySamples(
        native=np.concatenate([native for native, _ in read]).astype(np.float16),
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        sharp=np.ones(sum(counts), np.float32),
        picture=np.stack([picture for _, picture in read]).astype(np.float16),
        loss=loss,
    )
