"""Draw where two pictures differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from distortion_heads.reports.drawing import INK, MUTED, new_figure, to_png

LONGEST = 900
"""Longer side in pixels of a picture as it is drawn."""

WINDOW = 5
LEAST_TOP = 8.0
"""Grey levels that the upper end of the scale stands for at least, so that faint differences look faint."""


def difference_map(reference: NDArray[np.uint8], distorted: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return how much two pictures, uint8 (H, W, 3), differ: float64 (H, W) in grey levels, 0 to 255.

    The root of the mean squared difference of the channels in windows of 5 x 5.
    """
    from scipy.ndimage import uniform_filter

    squared = ((reference.astype(np.float64) - distorted) ** 2).mean(2)
    return np.sqrt(np.maximum(uniform_filter(squared, WINDOW, mode="nearest"), 0))


def draw_difference(reference: NDArray[np.uint8], distorted: NDArray[np.uint8], caption: str) -> bytes:
    """Return a PNG: reference, distorted, and the map of their difference with its scale; the caption below."""
    step = -(-max(reference.shape[:2]) // LONGEST)
    difference = difference_map(reference, distorted)
    height, width = reference.shape[:2]
    tall = min(max(4.0 * height / width, 1.5), 7.0)
    figure = new_figure(3 * tall * width / height + 1.2, tall + 0.9)
    top = max(float(np.quantile(difference, 0.999)), LEAST_TOP)
    shown: dict[str, NDArray[Any]] = {
        "reference": reference,
        "distorted": distorted,
        f"difference in grey levels, mean {difference.mean():.2f}": difference,
    }
    panels = figure.subplots(1, 3)
    for axes, (title, pixels) in zip(panels, shown.items(), strict=True):
        image = axes.imshow(_reduced(pixels, step), cmap="inferno", vmin=0, vmax=top)
        axes.set_title(title, fontsize=9, color=INK)
        axes.set_axis_off()
    figure.colorbar(image, ax=panels, shrink=0.85, pad=0.01)
    figure.supxlabel(caption, fontsize=8, color=MUTED)
    return to_png(figure)


def _reduced(pixels: NDArray[Any], step: int) -> NDArray[Any]:
    """Return the means of squares of `step` pixels a side."""
    if step == 1:
        return pixels
    rows, columns = (side // step for side in pixels.shape[:2])
    cut = pixels[: rows * step, : columns * step].reshape(rows, step, columns, step, -1).mean((1, 3))
    whole: NDArray[Any] = cut.astype(pixels.dtype)
    return whole if pixels.ndim == 3 else whole[..., 0]
