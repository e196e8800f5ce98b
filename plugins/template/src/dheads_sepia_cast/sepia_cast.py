"""The brown cast of aged photographs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from distortion_heads.spec import FloatImage

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
TINT = (1.0, 0.87, 0.68)  # the colour that white paper turns to


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Mix the picture with its tinted luma: 18-20 % of the latter at severity 1, 90-100 % at 5."""
    import numpy as np

    strength = severity / 5 * rng.uniform(0.9, 1.0)
    luma: FloatImage = image @ np.asarray(LUMA, np.float32)
    sepia = luma[..., None] * np.asarray(TINT, np.float32)
    return np.clip((1 - strength) * image + strength * sepia, 0, 1).astype(np.float32)
