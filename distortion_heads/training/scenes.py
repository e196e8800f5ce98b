"""Clean pictures for training: which there are, how they are split by content, and how a sample is cut from one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.errors import DataError
from distortion_heads.images import load_image
from distortion_heads.inputs import expand_inputs

_FILTERS = (
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
    Image.Resampling.BOX,
    Image.Resampling.HAMMING,
    Image.Resampling.BILINEAR,
)


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """Clean pictures, split by content: `fit` trains, `hold` calibrates and chooses thresholds; sorted paths."""

    fit: tuple[Path, ...]
    hold: tuple[Path, ...]

    @property
    def sha256(self) -> str:
        """Over the sorted content hashes of all pictures."""
        digests = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in (*self.fit, *self.hold))
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def find_scenes(folder: Path, hold_share: float = 0.15) -> Scenes:
    """Find all pictures below `folder`; a picture's share is decided by the hash of its name, so that it never moves.

    Raises `DataError` if there are fewer than 8 pictures.
    """
    found = list(expand_inputs([str(folder)]))
    for item in found:
        if item.error is not None:
            raise DataError(f"{item.path}: {item.error}")
    if len(found) < 8:
        raise DataError(f"{folder} holds {len(found)} pictures; training a backbone needs at least 8, better hundreds")
    paths = sorted(Path(item.path) for item in found)
    by_hash = sorted(paths, key=lambda path: hashlib.sha256(path.name.encode()).digest())
    held = set(by_hash[: max(2, round(hold_share * len(paths)))])
    return Scenes(fit=tuple(p for p in paths if p not in held), hold=tuple(p for p in paths if p in held))


@lru_cache(maxsize=1024)
def load_scene(path: Path) -> NDArray[np.uint8]:
    """The decoded picture, kept in memory: a training run visits each one hundreds of times."""
    return load_image(path)


def cut_native(image: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A `side` x `side` crop, half of the time of the picture reduced by 0.45 to 1: clean files vary in sharpness."""
    height, width = image.shape[:2]
    smallest = max(side / min(height, width), 0.45)
    factor = float(np.exp(rng.uniform(np.log(smallest), 0.0))) if smallest < 1 and rng.random() < 0.5 else 1.0
    region = _region(image, side / factor, rng)
    if region.shape[:2] != (side, side):
        region = _resize(region, (side, side), _FILTERS[rng.integers(len(_FILTERS))])
    return vary_clean(region, rng)


def cut_overview(image: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A square that stands for a whole picture, reduced to about twice the side of the overview."""
    largest = min(image.shape[:2])
    region = _region(image, rng.uniform(0.7, 1.0) * largest, rng)
    target = int(min(region.shape[0], rng.uniform(1.25, 2.25) * side))
    return vary_clean(_resize(region, (target, target), Image.Resampling.BOX), rng)


def reduce_to(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Area-average a square picture to `side`."""
    return _resize(image, (side, side), Image.Resampling.BOX)


def cut_picture(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A whole picture as a user may have it: of any shape up to 416 pixels a side, reduced half of the time."""
    height, width = (int(min(size, rng.integers(224, 417))) for size in image.shape[:2])
    factor = float(rng.uniform(max(0.45, height / image.shape[0], width / image.shape[1]), 1.0))
    if rng.random() < 0.5 and factor < 1:
        size = (max(width, round(image.shape[1] * factor)), max(height, round(image.shape[0] * factor)))
        image = _resize(image, size, _FILTERS[rng.integers(len(_FILTERS))])
    top, left = int(rng.integers(image.shape[0] - height + 1)), int(rng.integers(image.shape[1] - width + 1))
    return vary_clean(image[top : top + height, left : left + width], rng)


def vary_clean(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """What leaves a picture clean: mirror it, take its colour, save it as JPEG at 90 and above, a trace of grain."""
    if rng.random() < 0.5:
        image = image[:, ::-1]
    if rng.random() < 0.08:
        grey = np.rint(image @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
        image = np.repeat(grey[..., None], 3, axis=2)
    if rng.random() < 0.15:
        grain = rng.normal(0, rng.uniform(0.3, 1.5), image.shape[:2])[..., None]
        image = np.clip(np.rint(image + grain), 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        image = recompress(image, rng)
    return np.ascontiguousarray(image)


def recompress(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Through a JPEG file of quality 90 to 98, which counts as clean."""
    buffer = BytesIO()
    subsampling = int(rng.choice((0, 2)))
    Image.fromarray(image).save(buffer, "JPEG", quality=int(rng.integers(90, 99)), subsampling=subsampling)
    return np.asarray(Image.open(buffer).convert("RGB"))


def pick(paths: Sequence[Path], rng: np.random.Generator) -> Path:
    return paths[int(rng.integers(len(paths)))]


def _region(image: NDArray[np.uint8], side: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    size = min(max(1, round(side)), height, width)
    top, left = int(rng.integers(height - size + 1)), int(rng.integers(width - size + 1))
    return image[top : top + size, left : left + size]


def _resize(image: NDArray[np.uint8], size: tuple[int, int], resample: Image.Resampling) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize(size, resample))
