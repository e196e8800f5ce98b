"""Colour shift, KADID-10k type 05: the green channel moved by 1, 3, 6, 8, 12 pixels where the picture has edges.

The moved channel is blended in by a mask, the smoothed gradient magnitude, so that flat parts keep their colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dheads_plugins._bundled import bundled
from dheads_plugins._color import luma
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

SHIFT = (1.0, 3.0, 6.0, 8.0, 12.0)


def parameters(severity: float) -> Mapping[str, float]:
    """Length of the displacement in pixels."""
    return {"shift": at_severity(SHIFT, severity, log=True)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Move the green channel at edges; direction, whole or fractional pixels and the mask's smoothing vary.

    KADID's own: towards the lower right, rounded to pixels, the mask smoothed by 4 pixels.
    """
    from scipy.ndimage import shift

    published = rng.random() < 0.5
    angle = rng.uniform(0.0, np.pi / 2 if published else 2 * np.pi)
    offset = parameters(severity)["shift"] * np.array((np.sin(angle), np.cos(angle)))
    if published or rng.random() < 0.5:
        offset = _rounded(offset)
    mask = edge_mask(image, 4.0 if published else rng.uniform(2.5, 6.0), truncate=rng.uniform(2.0, 4.0))
    green = image[..., 1]
    moved = shift(green, offset, order=1, mode="nearest")
    shifted = image.copy()
    shifted[..., 1] = np.clip(green + mask * (moved - green), 0, 1)
    return shifted


def edge_mask(image: FloatImage, sigma: float, truncate: float = 4.0) -> FloatImage:
    """Gradient magnitude of the luma, smoothed and stretched: (H, W, 3) -> (H, W) in [0, 1]; 0 if there is no edge.

    The weakest tenth of the range is cut to 0, and the 1st and 99th percentile of the rest become 0 and 1.
    """
    from scipy.ndimage import gaussian_filter

    rows, columns = np.gradient(luma(image))
    edges = gaussian_filter(np.hypot(rows, columns), sigma, truncate=truncate, mode="nearest")
    weakest, strongest = float(edges.min()), float(edges.max())
    if strongest - weakest < 1e-6:
        return np.zeros_like(edges)
    edges = np.maximum((edges - weakest) / (strongest - weakest), 0.1)
    low, high = np.percentile(edges[::2, ::2], (1, 99))
    if high - low < 1e-6:
        return np.zeros_like(edges)
    mask: FloatImage = np.clip((edges - low) / (high - low), 0, 1).astype(np.float32, copy=False)
    return mask


def _rounded(offset: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole pixels, at least one."""
    whole = np.round(offset)
    if not whole.any():
        whole[np.abs(offset).argmax()] = 1.0
    return whole


HEAD = HeadSpec(
    label="color_shift",
    title="Colour shift",
    family="color",
    description="Green and magenta fringes beside edges: the green channel is displaced there.",
    weights=bundled("color_shift"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 05 (Lin, Hosu, Saupe 2019)",
)
