"""Records -> features on a frozen backbone, kept in the user's cache by content, backbone and view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.base import FeatureSource
from distortion_heads.datasets.clips import is_video
from distortion_heads.datasets.labelled_image import FRAMES, ClipFrames, Source
from distortion_heads.datasets.record import Record
from distortion_heads.io.unread import Unread, unreadable
from distortion_heads.spec import LIGHT, View, view_key
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.features.compute import MAX_WINDOWS, Failure, Features
from distortion_heads.training.features.extract import Progress, extract

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
        """Return float16 (K, dim) per record: windows spread evenly over the picture, or over each frame of the video.

        At most 64 windows of a record. Raises `DataError` if any record cannot be read.
        """
        results = self._extract(records, view)
        if failed := _failed(records, results):
            raise unreadable(failed, len(records))
        found = [result.frames for result in results if isinstance(result, Features)]
        return [np.concatenate([frame.windows for frame in frames]) for frames in found]

    def unread(self, records: Sequence[Record], progress: Callable[[int, int], None]) -> tuple[Unread, ...]:
        """Return the records that cannot be read; the features of the others, of native windows, are remembered."""
        results = self._extract(records, "native", lambda stage, done, total: progress(done, total))
        return _failed(records, results)

    def _extract(
        self, records: Sequence[Record], view: View, progress: Progress | None = None
    ) -> list[Features | Failure]:
        clip = ClipFrames(frames=self.frames)
        sources = [Source(path=record.path, clip=clip if is_video(record) else None) for record in records]
        share = max(MAX_WINDOWS // self.frames, 1)
        return extract(sources, self.hashes, self.backbone, view, self.cache, progress, frame_windows=share)


def _failed(records: Sequence[Record], results: Sequence[Features | Failure]) -> tuple[Unread, ...]:
    pairs = zip(records, results, strict=True)
    return tuple(Unread(record.path, result.reason) for record, result in pairs if isinstance(result, Failure))
