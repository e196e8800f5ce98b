"""Pixelation, KADID-10k type 21: strength 0.01, 0.05, 0.1, 0.2, 0.5.

As in the database's code, the picture is reduced to 0.95 - strength^0.6 of its width and height (0.89, 0.78, 0.70,
0.57, 0.29) and enlarged again, both by nearest neighbour: pixels repeat, and blocks of up to 3.4 pixels appear.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

STRENGTH = (0.01, 0.05, 0.1, 0.2, 0.5)


def parameters(severity: float) -> Mapping[str, float]:
    """KADID's strength, and the scale: reduced size / size."""
    strength = at_severity(STRENGTH, severity, log=True)
    return {"strength": strength, "scale": 0.95 - strength**0.6}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Reduce and enlarge by nearest neighbour; sometimes the reduction averages. Rounding and phase vary."""
    scale = parameters(severity)["scale"]
    height, width, _ = image.shape
    rounding = ceil if rng.random() < 0.6 else int  # MATLAB's imresize rounds up, most others down
    size = (max(1, rounding(height * scale)), max(1, rounding(width * scale)))
    if rng.random() < 0.3:
        return _nearest(_reduce_by_area(image, size), (height, width), 0.5)
    phase = 0.5 if rng.random() < 0.75 else 0.0  # OpenCV samples at the corner of a block, others in its middle
    return _nearest(_nearest(image, size, phase), (height, width), phase)


def _nearest(image: FloatImage, size: tuple[int, int], phase: float) -> FloatImage:
    """Resample to `size` (height, width); `phase` is where in an output pixel the input is sampled."""
    rows, columns = (
        np.minimum(((np.arange(new) + phase) * (old / new)).astype(np.intp), old - 1)
        for new, old in zip(size, image.shape[:2], strict=True)
    )
    resampled: FloatImage = image.take(rows, axis=0).take(columns, axis=1)
    return resampled


def _reduce_by_area(image: FloatImage, size: tuple[int, int]) -> FloatImage:
    """Mean over each output pixel's area, as ImageMagick's -scale does."""
    from PIL import Image

    planes = [
        Image.fromarray(np.ascontiguousarray(image[..., c])).resize((size[1], size[0]), Image.Resampling.BOX)
        for c in range(3)
    ]
    return np.stack([np.asarray(plane, np.float32) for plane in planes], axis=-1)


HEAD = HeadSpec(
    label="pixelate",
    title="Pixelation",
    family="spatial",
    description="Repeated pixels and small blocks, as from enlarging a small picture by nearest neighbour.",
    weights=bundled("pixelate"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 21 (Lin, Hosu, Saupe 2019)",
)
