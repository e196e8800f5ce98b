"""Records -> features on a frozen backbone, kept in the user's cache by content, backbone and view."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads._system.threads import usable_cores
from distortion_heads.backbones.base import FeatureSource
from distortion_heads.backbones.read_views import view_features
from distortion_heads.datasets.labelled_image import FRAMES
from distortion_heads.datasets.pictures import is_video, read_pictures
from distortion_heads.datasets.record import Record
from distortion_heads.errors import InputError
from distortion_heads.io.image_hashes import unreadable
from distortion_heads.spec import LIGHT, View, view_key, width_of
from distortion_heads.training.features.compute import MAX_WINDOWS, ImageFeatures, spread_windows, to_float16
from distortion_heads.training.features.labelled import FeatureCache

MAX_WORKERS = 4
FORMAT = "dheads record features 2"

Windows = NDArray[np.float16]


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordFeatures:
    """Reads and remembers features. Give a backbone of one thread: the records are the unit of parallel work.

    `hashes`: SHA-256 of each file, by path; a file that is not there, or `cache` None, is computed every time.
    `frames`: of each video.
    """

    backbone: FeatureSource
    hashes: Mapping[Path, str]
    cache: FeatureCache | None
    frames: int = FRAMES

    @property
    def key(self) -> str:
        """All that decides the features besides the files."""
        return f"{self.backbone.ref.fingerprint} {MAX_WINDOWS} windows {self.frames} frames {view_key(LIGHT)}"

    def of(self, records: Sequence[Record], view: View) -> list[Windows]:
        """float16 (K, dim) per record: windows spread evenly over the picture, or over each of the video's frames.

        At most 64 windows of a record. Raises `DataError` if any record cannot be read.
        """
        work = partial(self._of_one, view=view)
        pool = ThreadPoolExecutor(min(MAX_WORKERS, usable_cores(), max(len(records), 1)))
        try:
            results = list(pool.map(work, records))
        finally:
            pool.shutdown(cancel_futures=True)
        failed = [
            (record.path, str(result))
            for record, result in zip(records, results, strict=True)
            if isinstance(result, InputError)
        ]
        if failed:
            raise unreadable(failed, len(records))
        return [result for result in results if not isinstance(result, InputError)]

    def _of_one(self, record: Record, view: View) -> Windows | InputError:
        key = self._cache_key(record, view)
        if self.cache is not None and key is not None:
            found = self.cache.read(key, width_of(view, self.backbone.ref.dim))
            if found is not None:
                return found.windows
        try:
            pictures = read_pictures(record, self.frames)
        except InputError as error:
            return error
        share = max(MAX_WINDOWS // len(pictures), 1)
        parts = [spread_windows(view_features(self.backbone, pixels, view), share) for pixels in pictures]
        windows = to_float16(np.concatenate(parts))
        if self.cache is not None and key is not None:
            self.cache.write(key, ImageFeatures(windows=windows, scene=None))
        return windows

    def _cache_key(self, record: Record, view: View) -> str | None:
        content = self.hashes.get(record.path)
        if content is None:
            return None
        kind = f"{self.frames} frames" if is_video(record) else "still"
        parts = (FORMAT, content, self.backbone.ref.fingerprint, view_key(view), kind, str(MAX_WINDOWS))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()
