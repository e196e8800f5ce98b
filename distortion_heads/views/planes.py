"""Continue small pictures by their edge, and take luma: what several views do with pixels before they count."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads.views.units import LUMA_PARTS


def continued(plane: NDArray[Any], least: int) -> NDArray[Any]:
    """Return (H, W) or (H, W, 3) with at least `least` rows and columns: what is missing repeats its edge."""
    beyond = [max(0, least - side) for side in plane.shape[:2]]
    if not any(beyond):
        return plane
    return np.pad(plane, [(0, more) for more in beyond] + [(0, 0)] * (plane.ndim - 2), mode="edge")


def luma(planes: NDArray[Any]) -> NDArray[np.int32]:
    """Return whole grey levels, int32 (...), of the whole numbers of R, G and B, (3, ...)."""
    red, green, blue = (part * plane.astype(np.int32) for part, plane in zip(LUMA_PARTS, planes, strict=True))
    levels: NDArray[np.int32] = (red + green + blue) // sum(LUMA_PARTS)
    return levels
