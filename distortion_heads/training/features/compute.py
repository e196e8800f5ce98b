"""One picture or video -> its features on the frozen backbone, and their bytes in a file."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.base import FeatureSource
from distortion_heads.backbones.read_views import check_padded, view_features
from distortion_heads.datasets.clips import each_frame, frame_limit
from distortion_heads.datasets.labelled_image import ClipFrames, LabelledImage
from distortion_heads.errors import DheadsError, InputError
from distortion_heads.io.image_hashes import difference_hash
from distortion_heads.io.images import load_image
from distortion_heads.spec import View

MAX_WINDOWS = 64
"""Windows kept of one image, evenly spread over it: enough to learn from, and bounds the memory of large pictures."""

MAX_FRAME_WINDOWS = 16
"""Windows kept of one frame of a video: the others show much the same."""

_LARGEST = float(np.finfo(np.float16).max)
_HEADER = struct.Struct("<?QIII")
_CHECKSUM_BYTES = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageFeatures:
    """`windows` float16 (K, dim), K at most `MAX_WINDOWS`; `scene`: difference hash of the file, undistorted.

    `size`: height and width of the picture in the file, in pixels; (0, 0) where nobody asks for it.
    """

    windows: NDArray[np.float16]
    scene: int | None
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoFeatures:
    """Of each frame that could be read, at least one; `problem` says what could not."""

    frames: tuple[ImageFeatures, ...]
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an image has no features."""

    reason: str


def compute(
    image: LabelledImage, backbone: FeatureSource, view: View, max_pixels: int
) -> ImageFeatures | VideoFeatures | Failure:
    """Decode and evaluate. Raises nothing for a file that cannot be used or a generator that fails."""
    try:
        if image.clip is not None:
            return _compute_video(image, image.clip, backbone, view, max_pixels)
        pixels = load_image(image.path, max_pixels=max_pixels)
        check_padded(pixels, max_pixels)
    except InputError as error:
        return Failure(reason=str(error))
    scene, size = difference_hash(pixels), pixels.shape[:2]
    if image.recipe is not None:
        try:
            pixels = image.recipe.apply(pixels, view)
        except DheadsError as error:
            return Failure(reason=str(error))
        except (Exception, SystemExit) as error:  # a plugin's generator raises anything
            label = image.recipe.step.spec.label if image.recipe.step else "clean"
            return Failure(reason=f"the generator of {label!r} failed: {type(error).__name__}: {_one_line(error)}")
    return ImageFeatures(windows=_windows(backbone, pixels, view, MAX_WINDOWS), scene=scene, size=size)


def check_sizes(image: LabelledImage, features: Sequence[ImageFeatures], max_pixels: int) -> Failure | None:
    """What decoding it again under this limit would say."""
    limit = max_pixels if image.clip is None else frame_limit(max_pixels)
    for height, width in {each.size for each in features}:
        if height * width > limit:
            size = f"{width} x {height} = {width * height} pixels"
            return Failure(reason=f"{size}, above the limit of {limit}: raise the limit with --max-pixels")
        try:
            check_padded(np.broadcast_to(np.uint8(0), (height, width, 3)), max_pixels)
        except InputError as error:
            return Failure(reason=str(error))
    return None


def to_bytes(key: str, images: Sequence[ImageFeatures]) -> bytes:
    """For each image a header and float16 windows; at the end a checksum, which includes the key."""
    parts = []
    for image in images:
        parts.append(_HEADER.pack(image.scene is not None, image.scene or 0, *image.size, len(image.windows)))
        parts.append(image.windows.astype("<f2").tobytes())
    body = b"".join(parts)
    return body + _checksum(key, body)


def from_bytes(key: str, data: bytes, dim: int) -> tuple[ImageFeatures, ...] | None:
    """What `to_bytes` was given, bit for bit; None if that was another key or `dim`, or the data is damaged."""
    body = data[:-_CHECKSUM_BYTES]
    if _checksum(key, body) != data[-_CHECKSUM_BYTES:]:
        return None
    images, place = [], 0
    while place < len(body):
        if len(body) - place < _HEADER.size:
            return None
        known, scene, height, width, count = _HEADER.unpack_from(body, place)
        place += _HEADER.size
        end = place + 2 * dim * count
        if count == 0 or end > len(body):
            return None
        windows = np.frombuffer(body[place:end], "<f2").reshape(count, dim).astype(np.float16)
        images.append(ImageFeatures(windows=windows, scene=scene if known else None, size=(height, width)))
        place = end
    return tuple(images) or None


def spread_windows(windows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """At most `count` of the windows (K, dim), evenly spread."""
    if len(windows) <= count:
        return windows
    chosen: NDArray[np.float32] = windows[np.linspace(0, len(windows) - 1, count).round().astype(np.int64)]
    return chosen


def to_float16(windows: NDArray[np.float32]) -> NDArray[np.float16]:
    """What is beyond its range becomes its largest value."""
    return np.clip(windows, -_LARGEST, _LARGEST).astype(np.float16)


def _compute_video(
    image: LabelledImage, clip: ClipFrames, backbone: FeatureSource, view: View, max_pixels: int
) -> VideoFeatures:
    """Raises `InputError`."""

    def features(pixels: NDArray[np.uint8]) -> ImageFeatures:
        check_padded(pixels, max_pixels)
        windows = _windows(backbone, pixels, view, MAX_FRAME_WINDOWS)
        return ImageFeatures(windows=windows, scene=difference_hash(pixels), size=pixels.shape[:2])

    frames, problem = each_frame(image.path, clip, features, max_pixels)
    return VideoFeatures(frames=tuple(frames), problem=problem)


def _windows(backbone: FeatureSource, pixels: NDArray[np.uint8], view: View, most: int) -> NDArray[np.float16]:
    return to_float16(spread_windows(view_features(backbone, pixels, view), most))


def _checksum(key: str, body: bytes) -> bytes:
    return hashlib.sha256(key.encode() + body).digest()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or "without a message"
