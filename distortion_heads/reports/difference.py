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


WIDE, BELOW_INCHES = 3, 9.0
"""A picture that is so many times as wide as it is high has its panels below each other, so many inches wide."""

LEAST_INCHES, TITLE_INCHES = 0.3, 2.7
"""Height of the lowest panel, and width that its title needs."""


def draw_difference(reference: NDArray[np.uint8], distorted: NDArray[np.uint8], caption: str) -> bytes:
    """Return a PNG: reference, distorted, and the map of their difference with its scale; the caption below."""
    step = min(-(-max(reference.shape[:2]) // LONGEST), min(reference.shape[:2]))
    difference = difference_map(reference, distorted)
    height, width = reference.shape[:2]
    below = width > WIDE * height
    wide = BELOW_INCHES if below else min(max(4.0, 1.5 * width / height), 7.0 * width / height)
    tall, wide = max(wide * height / width, LEAST_INCHES), max(wide, TITLE_INCHES)
    figure = new_figure(wide + 1.2, 3 * (tall + 0.4) + 0.5) if below else new_figure(3 * wide + 1.2, tall + 0.9)
    top = max(float(np.quantile(difference, 0.999)), LEAST_TOP)
    shown: dict[str, NDArray[Any]] = {
        "reference": reference,
        "distorted": distorted,
        f"difference in grey levels, mean {difference.mean():.2f}": difference,
    }
    panels = figure.subplots(*((3, 1) if below else (1, 3)))
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
