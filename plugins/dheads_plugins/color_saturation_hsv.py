"""Saturation in HSV, KADID-10k type 07: S multiplied by 0.4, 0.2, 0.1, 0, -0.4.

The last level does not fade but turns every hue by 180 degrees. It is kept: the change from the original, 1 - factor,
grows all the way, and what shows at severities 1 to 4 is a loss of colour. At severity 4 the picture is grey, and
nobody can tell it from one that was taken in grey; on a grey picture the distortion changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._color import scale_saturation
from distortion_heads.levels import at_severity
from distortion_heads.spec import HeadSpec

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

FACTOR = (0.4, 0.2, 0.1, 0.0, -0.4)


def parameters(severity: float) -> Mapping[str, float]:
    """Factor of the saturation."""
    return {"factor": at_severity(FACTOR, severity)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Scale the saturation in HSV, HSL or about the luma.

    A negative saturation leaves the gamut in HSV: the picture is clipped, or divided by its maximum as MATLAB does.
    """
    factor = parameters(severity)["factor"]
    variant = rng.random()
    scaled = scale_saturation(image, factor, "value" if variant < 0.6 else "luma" if variant < 0.85 else "lightness")
    if factor < 0 and variant < 0.3:
        scaled /= max(1.0, float(scaled.max()))
    return np.clip(scaled, 0, 1)


HEAD = HeadSpec(
    label="color_saturation_hsv",
    title="Faded colours",
    family="color",
    description="Colours are faded to grey or, at the strongest, turned to their opposites.",
    weights=bundled("color_saturation_hsv"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 07 (Lin, Hosu, Saupe 2019)",
)
