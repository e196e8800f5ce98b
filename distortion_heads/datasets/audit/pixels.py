"""Hashes of every picture of a dataset, and how far it is from its reference."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads._system.threads import helpers
from distortion_heads.datasets.properties import Properties, read_properties
from distortion_heads.datasets.record import Record
from distortion_heads.errors import DheadsError, InputError
from distortion_heads.io.image_hashes import difference_hash, is_video
from distortion_heads.io.images import load_image
from distortion_heads.io.video.container import open_container

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class PictureFacts:
    """Facts on the pixels of one record.

    `digest`: SHA-256 of size and pixels; `hash`: `difference_hash`, None for a flat picture; `rmse`: root mean square
    difference to the reference in grey levels of 0 to 255 over RGB, None without a reference or if sizes differ
    (`same_size` False); `properties` of the file.
    """

    digest: str
    hash: int | None
    rmse: float | None = None
    same_size: bool = True
    properties: Properties | None = None


def look_at(
    records: Sequence[Record], *, jobs: int = 1, progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[Path, PictureFacts | str]:
    """Return the facts on each record (on the first frame of a video) or why it cannot be read; `jobs` threads."""
    groups = list(_by_reference(records))
    looks: dict[Path, PictureFacts | str] = {}
    with helpers(jobs, "look") as pool:
        for found in pool.map(_look_at_group, groups):
            looks.update(found)
            progress(len(looks), len(records))
    return looks


def _by_reference(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Group records by their reference, which is then decoded once; small enough to keep all threads busy."""
    groups: dict[Path | None, list[Record]] = {}
    for record in records:
        groups.setdefault(record.reference, []).append(record)
    for group in groups.values():
        for start in range(0, len(group), 64):
            yield group[start : start + 64]


def _look_at_group(records: list[Record]) -> dict[Path, PictureFacts | str]:
    reference: NDArray[np.uint8] | None = None
    path = records[0].reference
    if path is not None:
        try:
            reference = _pixels(path)
        except InputError as error:
            return {record.path: f"its reference {path} cannot be used: {error}" for record in records}
    return {record.path: _look(record.path, reference) for record in records}


def _look(path: Path, reference: NDArray[np.uint8] | None) -> PictureFacts | str:
    try:
        pixels = _pixels(path)
    except InputError as error:
        return str(error)
    digest = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    facts = PictureFacts(digest=digest, hash=difference_hash(pixels), properties=read_properties(path, pixels))
    if reference is None:
        return facts
    if reference.shape != pixels.shape:
        return replace(facts, same_size=False)
    return replace(facts, rmse=rmse(pixels, reference))


def rmse(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Return the root mean square difference of two uint8 arrays of one shape in grey levels; 0 only if equal."""
    difference = first.astype(np.float32) - second
    return float(np.sqrt(np.mean(np.square(difference), dtype=np.float64)))


def _pixels(path: Path) -> NDArray[np.uint8]:
    return first_frame(path) if is_video(path) else load_image(path)


def first_frame(path: Path) -> NDArray[np.uint8]:
    """Return uint8 (H, W, 3), RGB. Raises `InputError` if the video cannot be decoded."""
    try:
        with open_container(path) as video:
            for frame in video.decode(video=0):
                return load_image(np.asarray(frame.to_ndarray(format="rgb24")))
    except DheadsError:
        raise
    except Exception as error:  # FFmpeg's errors are of many kinds
        raise InputError(f"no video that can be decoded: {' '.join(str(error).split())}") from None
    raise InputError("a video without a picture")
