"""Float pictures to Pillow and encoded bytes back to float pictures."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

    from distortion_heads.spec import FloatImage


def to_pillow(image: FloatImage) -> Image:
    """Round a float HWC RGB picture in [0, 1] to 8 bits."""
    from PIL import Image

    return Image.fromarray((np.clip(image, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8))


def decode(data: bytes) -> FloatImage:
    """Decode any format that Pillow reads to float32 HWC RGB in [0, 1]."""
    from PIL import Image

    with Image.open(BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.float32) / np.float32(255)
