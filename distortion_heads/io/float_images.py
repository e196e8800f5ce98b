"""Pictures of bytes to pictures of floats and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from distortion_heads.spec import FloatImage


def to_float(image: NDArray[np.uint8]) -> FloatImage:
    """Convert uint8 in [0, 255] to float32 in [0, 1]."""
    return image.astype(np.float32) / np.float32(255)


def to_uint8(image: FloatImage) -> NDArray[np.uint8]:
    """Convert float32 in [0, 1] to uint8 by rounding."""
    rounded: NDArray[np.uint8] = np.rint(image * np.float32(255)).astype(np.uint8)
    return rounded
