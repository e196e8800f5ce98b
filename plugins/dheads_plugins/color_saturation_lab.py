"""Saturation in CIE Lab, KADID-10k type 08: a and b multiplied by 1, 2, 3, 6, 9.

A factor of 1 changes nothing, so severity 1 uses 1.5 here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._color import scale_saturation
from dheads_plugins._lab import lab_to_rgb, rgb_to_lab
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

FACTOR = (1.5, 2.0, 3.0, 6.0, 9.0)


def parameters(severity: float) -> Mapping[str, float]:
    """Factor of a and b."""
    return {"factor": at_severity(FACTOR, severity, log=True)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Multiply the chroma in Lab or, as photo programs and displays do, about the luma or the lightness of HSL."""
    factor = parameters(severity)["factor"]
    variant = rng.random()
    if variant >= 0.65:
        return np.clip(scale_saturation(image, factor, "luma" if variant < 0.9 else "lightness"), 0, 1)
    lab = rgb_to_lab(image)
    lab[..., 1:] *= np.float32(factor)
    return lab_to_rgb(lab)


HEAD = HeadSpec(
    label="color_saturation_lab",
    title="Over-saturated colours",
    family="color",
    description="Colours are far stronger than in nature, up to solid primaries.",
    weights=bundled("color_saturation_lab"),
    synthesize=synthesize,
    parameters=parameters,
    view="light",
    source="KADID-10k type 08 (Lin, Hosu, Saupe 2019)",
)
