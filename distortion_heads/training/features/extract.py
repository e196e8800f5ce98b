"""Pictures and videos -> features, several at a time, those in the cache without decoding anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from distortion_heads._system.threads import helpers, usable_cores
from distortion_heads.backbones.base import FeatureSource
from distortion_heads.datasets.labelled_image import Source
from distortion_heads.io.images import DEFAULT_MAX_PIXELS
from distortion_heads.spec import View, width_of
from distortion_heads.training.features.cache import FeatureCache, cache_key
from distortion_heads.training.features.compute import MAX_FRAME_WINDOWS, Failure, Features, check_sizes, compute

MAX_WORKERS = 4

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the name of the stage, what is done of it, and how much there is."""


def extract(
    sources: Sequence[Source],
    hashes: Mapping[Path, str],
    backbone: FeatureSource,
    view: View,
    cache: FeatureCache | None,
    progress: Progress | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    frame_windows: int = MAX_FRAME_WINDOWS,
) -> list[Features | Failure]:
    """Return the features of all sources in their order, the same from the cache and from a first run.

    The files are the unit of parallel work, so give a backbone of one thread. A file whose SHA-256 is not among
    `hashes` is computed every time. `max_pixels` limits each picture and each frame, also of what is in the cache;
    `frame_windows`: windows kept of each frame of a video. Raises nothing for a file that cannot be used or a
    generator that fails: see `Failure`.
    """

    def work(source: Source) -> Features | Failure:
        content = hashes.get(source.path)
        if cache is None or content is None:
            return compute(source, backbone, view, max_pixels, frame_windows)
        key = cache_key(source, content, backbone.ref.fingerprint, view, frame_windows)
        found = cache.read(key, width_of(view, backbone.ref.dim))
        if found is not None:
            return check_sizes(source, found, max_pixels) or found
        made = compute(source, backbone, view, max_pixels, frame_windows)
        if isinstance(made, Features) and made.problem is None:  # what is wrong with a video is said every time
            cache.write(key, made)
        return made

    results: list[Features | Failure] = []
    with helpers(min(MAX_WORKERS, usable_cores()), "read") as pool:
        for result in pool.map(work, sources):
            results.append(result)
            if progress is not None:
                progress("features", len(results), len(sources))
    return results
