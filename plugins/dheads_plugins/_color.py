"""Tools of the colour distortions: luma, bytes, and scaling of chroma towards or away from grey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

Anchor: TypeAlias = Literal["value", "lightness", "luma"]


def luma(image: FloatImage) -> FloatImage:
    """Luma of ITU-R BT.601: (H, W, 3) in [0, 1] -> (H, W) in [0, 1]."""
    weighted: FloatImage = image @ np.array((0.299, 0.587, 0.114), np.float32)
    return weighted


def to_bytes(image: FloatImage) -> NDArray[np.uint8]:
    """Round [0, 1] to 0..255."""
    return (image * 255 + 0.5).astype(np.uint8)


def from_bytes(pixels: NDArray[np.uint8]) -> FloatImage:
    """0..255 -> [0, 1]."""
    return pixels.astype(np.float32) / np.float32(255)


def scale_saturation(image: FloatImage, factor: float, anchor: Anchor) -> FloatImage:
    """Scale each pixel's distance to a grey by `factor`; a negative one turns the hue by 180 degrees. Not clipped.

    The grey is what the colour model keeps: "value" max(R, G, B) (equals scaling S in HSV), "lightness"
    (max + min) / 2 (equals scaling S in HSL), "luma" (BT.601; Pillow, torchvision, video equipment).
    """
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    if anchor == "luma":
        grey = luma(image)
    else:
        grey = np.maximum(np.maximum(red, green), blue)
        if anchor == "lightness":
            grey = np.float32(0.5) * (grey + np.minimum(np.minimum(red, green), blue))
    return grey[..., None] + np.float32(factor) * (image - grey[..., None])
