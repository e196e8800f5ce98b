"""Darkening by a tone curve that keeps black and white, KADID-10k type 17: amount 0.05, 0.1, 0.2, 0.4, 0.8.

Half way up, the curve falls by half of the amount. KADID-10k applies it to R, G and B.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._tone import map_lightness, map_rgb, map_two_thirds_rgb, map_value, parabola, power_law
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import pick

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

AMOUNT = (0.05, 0.1, 0.2, 0.4, 0.8)


def parameters(severity: float) -> Mapping[str, float]:
    """Twice the fall of the curve at middle grey."""
    return {"amount": at_severity(AMOUNT, severity, log=True)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Lower the tones; on what the curve works varies, and one in five is a gamma curve."""
    apply = pick(rng, ((0.6, map_rgb), (0.15, map_two_thirds_rgb), (0.15, map_lightness), (0.1, map_value)))
    curve = pick(rng, ((0.8, parabola), (0.2, power_law)))
    return apply(image, curve(-parameters(severity)["amount"]))


HEAD = HeadSpec(
    label="darken",
    title="Darkened",
    family="exposure",
    description="Darkened by a tone curve that leaves black and white where they were.",
    weights=bundled("darken"),
    synthesize=synthesize,
    parameters=parameters,
    view="light",
    source="KADID-10k type 17 (Lin, Hosu, Saupe 2019)",
)
