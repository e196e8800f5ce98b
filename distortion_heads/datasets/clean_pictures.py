"""Clean pictures for training, split by content, and samples cut from them."""

from __future__ import annotations

import hashlib
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from distortion_heads._system.processes import per_process
from distortion_heads._system.threads import helpers, usable_cores
from distortion_heads.errors import DataError, ImageTooLargeError, InputError
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.io.image_hashes import difference_hash, join_near
from distortion_heads.io.images import DEFAULT_MAX_PIXELS, load_image
from distortion_heads.io.inputs import expand_inputs
from distortion_heads.io.unread import Unread, unreadable

MIN_PICTURES = 8
MIN_PER_SIDE = 2

COPY_BITS = 3
"""Largest Hamming distance between the difference hashes of a picture and its copies.

19 in 20 copies of half the size or JPEG quality 50 are within it, and none of 160,000 pairs of different photographs.
"""

MAX_KEPT_BYTES = 512 << 20
"""Decoded pictures that a process keeps, whatever the size of each."""

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
        """Return the SHA-256 over the sorted content hashes of all pictures."""
        return content_digest((*self.fit, *self.hold))

    @property
    def held(self) -> frozenset[str]:
        """Return the names, without suffix, of what is held out: nothing is learnt of it wherever else it lies."""
        return frozenset(path.stem for path in self.hold)


@lru_cache(maxsize=16)
def content_digest(paths: tuple[Path, ...]) -> str:
    """Return the SHA-256 over the sorted content hashes of these files, read once per process."""
    hashes = content_hashes(paths)
    return hashlib.sha256("\n".join(sorted(hashes[path] for path in paths)).encode()).hexdigest()


def find_scenes(
    folder: Path, hold_share: float = 0.15, report: Callable[[int, int], None] = lambda done, total: None
) -> Scenes:
    """Find all pictures below `folder`, decode each once, and split them by content.

    A picture is held out if the SHA-256 of its file name, read as a fraction of 1, is below `hold_share`: whatever is
    added later, it never moves. Copies, identical or nearly (resized, recompressed), are one group, and the shortest
    name in it, most likely the original's, decides for all. Where that leaves a side with fewer than 2 pictures, the
    groups whose fractions are nearest to `hold_share` change to it.

    `report` is called with the number of pictures decoded and their total. Raises `DataError` if there are fewer than
    8 pictures, if one cannot be decoded, or if nearly all are copies of one.
    """
    paths = _paths(folder)
    contents = content_hashes(paths)
    hashes = _difference_hashes(paths, report)
    _, same = np.unique([contents[path] for path in paths], return_inverse=True)
    groups = join_near(same.astype(np.int64), hashes, COPY_BITS)
    held = _held_out(paths, groups.tolist(), hold_share)
    if held is None:
        raise DataError(f"{folder}: nearly all of the {len(paths)} pictures are copies of one: give different ones")
    return Scenes(fit=tuple(p for p in paths if p not in held), hold=tuple(p for p in paths if p in held))


def _paths(folder: Path) -> list[Path]:
    found = list(expand_inputs([str(folder)]))
    for item in found:
        if item.error is not None:
            raise DataError(f"{item.path}: {item.error}")
    if len(found) < MIN_PICTURES:
        raise DataError(
            f"{folder} holds {len(found)} pictures; training a backbone needs at least {MIN_PICTURES}, better hundreds"
        )
    return sorted(Path(item.path) for item in found)


def _held_out(paths: Sequence[Path], groups: Sequence[int], hold_share: float) -> set[Path] | None:
    """Return the pictures to hold out, whole groups; None if there is no way to leave 2 on each side."""
    members: dict[int, list[Path]] = {}
    for path, group in sorted(zip(paths, groups, strict=True), key=lambda pair: (len(pair[0].stem), pair[0].name)):
        members.setdefault(group, []).append(path)
    ordered = sorted(members.values(), key=lambda group: _fraction(group[0].name))
    cut = sum(_fraction(group[0].name) < hold_share for group in ordered)
    while cut < len(ordered) and sum(map(len, ordered[:cut])) < MIN_PER_SIDE:
        cut += 1
    while cut > 0 and sum(map(len, ordered[cut:])) < MIN_PER_SIDE:
        cut -= 1
    held = {path for group in ordered[:cut] for path in group}
    return held if len(held) >= MIN_PER_SIDE else None


def _fraction(name: str) -> float:
    """Return the SHA-256 of a file name as a number in [0, 1)."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8]) / 2**64


def _difference_hashes(paths: Sequence[Path], report: Callable[[int, int], None]) -> list[int | None]:
    """Return the difference hashes of all pictures. Raises `DataError` if any cannot be decoded."""
    hashes: list[int | None] = []
    failed: list[Unread] = []
    # warnings of Pillow, about damaged EXIF; around all threads, for they share the filters
    with helpers(usable_cores(), "hash") as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path, result in zip(paths, pool.map(_difference_hash, paths), strict=True):
            if isinstance(result, InputError):
                failed.append(Unread(path, _reason(result)))
            else:
                hashes.append(result)
            report(len(hashes) + len(failed), len(paths))
    if failed:
        raise unreadable(failed, len(paths))
    return hashes


def _difference_hash(path: Path) -> int | InputError | None:
    try:
        return difference_hash(reduced_picture(path))
    except InputError as error:
        return error


def reduced_picture(path: Path, max_pixels: int = DEFAULT_MAX_PIXELS) -> NDArray[np.uint8]:
    """Return the picture, that of a JPEG file at an eighth of its size, as it is decoded seven times as fast.

    Raises `InputError` as `load_image` does.
    """
    if path.suffix.lower() in (".jpg", ".jpeg"):
        with suppress(Exception), JpegImageFile(path) as image:  # load_image says what is wrong
            if image.width * image.height <= max_pixels:
                image.draft("RGB", (32, 32))
                return load_image(image, max_pixels=max_pixels)
    return load_image(path, max_pixels=max_pixels)


def _reason(error: InputError) -> str:
    if isinstance(error, ImageTooLargeError):
        return f"it has more pixels than the limit of {DEFAULT_MAX_PIXELS}"
    return str(error)


def load_scene(path: Path) -> NDArray[np.uint8]:
    """Return the decoded picture, uint8 (H, W, 3), from memory where it was used lately: a run visits each often.

    Raises `DataError`, which names it, if it cannot be decoded.
    """
    return per_process(LatePictures, MAX_KEPT_BYTES).load(path)


class LatePictures:
    """Decoded pictures by path, of at most `max_bytes` in all; those that were not used for longest go first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._pictures: OrderedDict[Path, NDArray[np.uint8]] = OrderedDict()
        self._lock = Lock()

    def load(self, path: Path) -> NDArray[np.uint8]:
        """Return the picture; raises `DataError` if it cannot be decoded."""
        with self._lock:
            if path in self._pictures:
                self._pictures.move_to_end(path)
                return self._pictures[path]
        try:
            picture = load_image(path)
        except InputError as error:
            raise DataError(f"{path}: {_reason(error)}; mend or remove it") from None
        with self._lock:
            if path not in self._pictures:
                self._bytes += picture.nbytes
                self._pictures[path] = picture
            while self._bytes > self._max_bytes:
                self._bytes -= self._pictures.popitem(last=False)[1].nbytes
        return picture


def cut_native(image: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a `side` x `side` crop, half of the time of the picture reduced by 0.45 to 1: sharpness varies."""
    height, width = image.shape[:2]
    smallest = max(side / min(height, width), 0.45)
    factor = float(np.exp(rng.uniform(np.log(smallest), 0.0))) if smallest < 1 and rng.random() < 0.5 else 1.0
    region = _region(image, side / factor, rng)
    if region.shape[:2] != (side, side):
        region = _resize(region, (side, side), _FILTERS[rng.integers(len(_FILTERS))])
    return vary_clean(region, rng)


def cut_overview(image: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a square that stands for a whole picture, reduced to about twice the side of the overview."""
    largest = min(image.shape[:2])
    region = _region(image, rng.uniform(0.7, 1.0) * largest, rng)
    target = int(min(region.shape[0], rng.uniform(1.25, 2.25) * side))
    return vary_clean(_resize(region, (target, target), Image.Resampling.BOX), rng)


def cut_square(image: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a `side` x `side` crop of a picture that is at least as large, as it is."""
    return _region(image, side, rng)


def reduce_to(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Area-average a square picture to `side`."""
    return _resize(image, (side, side), Image.Resampling.BOX)


def cut_picture(image: NDArray[np.uint8], sides: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a whole picture as a user may have it: of any shape, with sides in that range, reduced at times."""
    height, width = (int(min(size, rng.integers(sides[0], sides[1] + 1))) for size in image.shape[:2])
    factor = float(rng.uniform(max(0.45, height / image.shape[0], width / image.shape[1]), 1.0))
    if rng.random() < 0.5 and factor < 1:
        size = (max(width, round(image.shape[1] * factor)), max(height, round(image.shape[0] * factor)))
        image = _resize(image, size, _FILTERS[rng.integers(len(_FILTERS))])
    top, left = int(rng.integers(image.shape[0] - height + 1)), int(rng.integers(image.shape[1] - width + 1))
    return vary_clean(image[top : top + height, left : left + width], rng)


def vary_clean(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Mirror a picture, take its colour, add a trace of grain, save it as JPEG of 90 and above: it stays clean."""
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
    """Return the picture from a JPEG file of quality 90 to 98, which counts as clean."""
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
