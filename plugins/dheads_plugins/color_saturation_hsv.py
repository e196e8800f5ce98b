"""Saturation in HSV, KADID-10k type 07: S multiplied by 0.4, 0.2, 0.1, 0.05, 0.

KADID-10k has 0.4, 0.2, 0.1, 0, -0.4. Its last level changes the sign: it does not fade but turns every hue by 180
degrees, as pale as at the first level. Here colours only fade: severity 5 is its fourth level, the grey picture, and
severity 4 lies between. Nobody can tell a picture that was made grey from one that was taken in grey, and on a grey
picture the distortion changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._color import Anchor, scale_saturation
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

FACTOR = (0.4, 0.2, 0.1, 0.05, 0.0)


def parameters(severity: float) -> Mapping[str, float]:
    """Factor of the saturation."""
    return {"factor": at_severity(FACTOR, severity)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Scale the saturation in HSV, HSL or about the luma."""
    variant = rng.random()
    anchor: Anchor = "value" if variant < 0.6 else "luma" if variant < 0.85 else "lightness"
    return np.clip(scale_saturation(image, parameters(severity)["factor"], anchor), 0, 1)


HEAD = HeadSpec(
    label="color_saturation_hsv",
    title="Faded colours",
    family="color",
    description="Colours are faded, at the strongest to grey.",
    weights=bundled("color_saturation_hsv"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 07 (Lin, Hosu, Saupe 2019)",
)
