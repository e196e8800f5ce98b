"""OpenCV: filters and codecs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from distortion_heads.foreign.base import ForeignOperator, Level, Pixels, operator


def operators() -> Iterator[ForeignOperator]:
    """Yield them. Raises `ModuleNotFoundError`."""
    import cv2

    make = partial(operator, "opencv")
    yield make("gaussian", "blur", lambda p, s: cv2.GaussianBlur(p, (0, 0), (1.6, 3.5)[s]))
    yield make("box", "blur", lambda p, s: cv2.blur(p, ((5, 5), (11, 11))[s]))
    yield make("median", "blur", lambda p, s: cv2.medianBlur(p, (5, 11)[s]))
    yield make("stack", "blur", lambda p, s: cv2.stackBlur(p, ((7, 7), (17, 17))[s]))
    yield make("motion", "blur", partial(_motion, cv2))
    yield make("reduced", "blur", partial(_reduced, cv2))
    yield make("unsharp", "sharpness", partial(_unsharp, cv2))
    yield make("laplacian", "sharpness", partial(_laplacian, cv2))
    yield make("nearest", "spatial", partial(_nearest, cv2))
    yield make("too_dark", "exposure", lambda p, s: cv2.convertScaleAbs(p, alpha=(0.4, 0.2)[s]))
    yield make("too_bright", "exposure", lambda p, s: cv2.convertScaleAbs(p, alpha=(1.8, 3.0)[s], beta=20))
    for name, suffix, key, values in (
        ("jpeg", ".jpg", cv2.IMWRITE_JPEG_QUALITY, (25, 8)),
        ("webp", ".webp", cv2.IMWRITE_WEBP_QUALITY, (12, 2)),
        ("jp2", ".jp2", cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, (22, 8)),
    ):
        yield make(name, "compression", partial(_stored, cv2, suffix=suffix, key=key, values=values))


def _motion(cv2: Any, pixels: Pixels, level: Level) -> Any:
    size = (9, 19)[level]
    kernel = np.zeros((size, size), np.float32)
    cv2.line(kernel, (0, size // 3), (size - 1, size - 1 - size // 3), 1.0)
    return cv2.filter2D(pixels, -1, kernel / kernel.sum())


def _reduced(cv2: Any, pixels: Pixels, level: Level) -> Any:
    share = (0.4, 0.2)[level]
    small = cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def _nearest(cv2: Any, pixels: Pixels, level: Level) -> Any:
    share = (0.4, 0.2)[level]
    small = cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_NEAREST)
    return cv2.resize(small, pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST)


def _unsharp(cv2: Any, pixels: Pixels, level: Level) -> Any:
    amount = (1.8, 4.0)[level]
    return cv2.addWeighted(pixels, 1 + amount, cv2.GaussianBlur(pixels, (0, 0), 1.5), -amount, 0)


def _laplacian(cv2: Any, pixels: Pixels, level: Level) -> Any:
    amount = (0.8, 1.6)[level]
    kernel = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], np.float32) * amount
    kernel[1, 1] += 1
    return cv2.filter2D(pixels, -1, kernel)


def _stored(cv2: Any, pixels: Pixels, level: Level, *, suffix: str, key: int, values: tuple[int, int]) -> Any:
    _, data = cv2.imencode(suffix, pixels[..., ::-1], [key, values[level]])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
