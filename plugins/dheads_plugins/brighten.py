"""Brightening by a tone curve that keeps black and white, KADID-10k type 16: amount 0.1, 0.2, 0.4, 0.7, 1.1.

Half way up, the curve rises by half of the amount. KADID-10k mixes two thirds of the curve on RGB with one third of
the same curve on the lightness of CIELAB.
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

AMOUNT = (0.1, 0.2, 0.4, 0.7, 1.1)


def parameters(severity: float) -> Mapping[str, float]:
    """Twice the rise of the curve at middle grey."""
    return {"amount": at_severity(AMOUNT, severity, log=True)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Raise the tones; on what the curve works varies, and one in five is a gamma curve."""
    apply = pick(rng, ((0.55, map_two_thirds_rgb), (0.2, map_rgb), (0.15, map_lightness), (0.1, map_value)))
    curve = pick(rng, ((0.8, parabola), (0.2, power_law)))
    return apply(image, curve(parameters(severity)["amount"]))


HEAD = HeadSpec(
    label="brighten",
    title="Brightened",
    family="exposure",
    description="Brightened by a tone curve that leaves black and white where they were.",
    weights=bundled("brighten"),
    synthesize=synthesize,
    parameters=parameters,
    view="light",
    source="KADID-10k type 16 (Lin, Hosu, Saupe 2019)",
)
