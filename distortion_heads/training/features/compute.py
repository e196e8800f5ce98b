"""One picture or video -> its features on a frozen backbone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.base import FeatureSource
from distortion_heads.backbones.read_views import view_features
from distortion_heads.datasets.clips import each_frame, frame_limit
from distortion_heads.datasets.labelled_image import Source
from distortion_heads.errors import DheadsError, InputError
from distortion_heads.io.image_hashes import difference_hash
from distortion_heads.io.images import load_image
from distortion_heads.io.small_files import check_padded
from distortion_heads.spec import View

MAX_WINDOWS = 64
"""Windows kept of one picture, evenly spread over it: enough to learn from, and bounds the memory of large ones."""

MAX_FRAME_WINDOWS = 16
"""Windows kept of one frame of a video by default: the others show much the same."""

_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageFeatures:
    """Features of a picture or frame.

    `windows` float16 (K, dim); `scene`: difference hash of the file, undistorted; `size`: its height and width in
    pixels.
    """

    windows: NDArray[np.float16]
    scene: int | None
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """Features of a picture, or of the frames of a video that could be read; `problem` says what could not."""

    frames: tuple[ImageFeatures, ...]
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a file has no features."""

    reason: str


def compute(
    source: Source, backbone: FeatureSource, view: View, max_pixels: int, frame_windows: int
) -> Features | Failure:
    """Decode and evaluate. Raises nothing for a file that cannot be used or a generator that fails."""
    most = MAX_WINDOWS if source.clip is None else frame_windows

    def features(pixels: NDArray[np.uint8]) -> ImageFeatures:
        check_padded(pixels.shape[1], pixels.shape[0], max_pixels)
        scene, size = difference_hash(pixels), pixels.shape[:2]
        pixels = _made(source, pixels, view)
        windows = to_float16(spread_windows(view_features(backbone, pixels, view), most))
        return ImageFeatures(windows=windows, scene=scene, size=size)

    try:
        if source.clip is None:
            return Features(frames=(features(load_image(source.path, max_pixels=max_pixels)),))
        frames, problem = each_frame(source.path, source.clip, features, max_pixels)
        return Features(frames=tuple(frames), problem=problem)
    except (InputError, _GeneratorError) as error:
        return Failure(reason=str(error))


class _GeneratorError(Exception):
    """A plugin's generator gave no picture."""


def _made(source: Source, pixels: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    if source.recipe is None:
        return source.made_of(pixels, view)
    try:
        return source.made_of(pixels, view)
    except DheadsError as error:
        raise _GeneratorError(str(error)) from None
    except (Exception, SystemExit) as error:  # a plugin's generator raises anything
        label = source.recipe.step.spec.label if source.recipe.step else "clean"
        text = " ".join(str(error).split()) or "without a message"
        raise _GeneratorError(f"the generator of {label!r} failed: {type(error).__name__}: {text}") from None


def check_sizes(source: Source, features: Features, max_pixels: int) -> Failure | None:
    """Return what decoding the file again under this limit would say."""
    limit = max_pixels if source.clip is None else frame_limit(max_pixels)
    for height, width in {each.size for each in features.frames}:
        if height * width > limit:
            size = f"{width} x {height} = {width * height} pixels"
            return Failure(reason=f"{size}, above the limit of {limit}: raise the limit with --max-pixels")
        try:
            check_padded(width, height, max_pixels)
        except InputError as error:
            return Failure(reason=str(error))
    return None


def spread_windows(windows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return at most `count` of the windows (K, dim), evenly spread."""
    if len(windows) <= count:
        return windows
    chosen: NDArray[np.float32] = windows[np.linspace(0, len(windows) - 1, count).round().astype(np.int64)]
    return chosen


def to_float16(windows: NDArray[np.float32]) -> NDArray[np.float16]:
    """Convert; values beyond the range become the largest ones."""
    return np.clip(windows, -_LARGEST, _LARGEST).astype(np.float16)
