"""Mean shift, KADID-10k type 18: a constant added to every value.

KADID-10k's levels +0.15, +0.08, 0, -0.08, -0.15 change sign and the third changes nothing. Here severity is the size of
the shift, 0.05, 0.08, 0.11, 0.15, 0.2 (KADID-10k's 0.08 and 0.15 are severities 2 and 4), and its sign is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._tone import map_lightness
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import clip01, pick

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

SHIFT = (0.05, 0.08, 0.11, 0.15, 0.2)


def parameters(severity: float) -> Mapping[str, float]:
    """Size of the shift, in the unit of the full range; its sign is drawn."""
    return {"shift": at_severity(SHIFT, severity)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Add the shift to RGB (or to lightness) and clip.

    One in five is then stretched back to the full range, as KADID-10k's generator does with every picture.
    """
    size = np.float32(parameters(severity)["shift"])
    shift = size if rng.random() < 0.5 else -size
    way = pick(rng, ((0.6, "rgb"), (0.2, "stretched"), (0.2, "lightness")))
    if way == "lightness":
        return map_lightness(image, lambda lightness: lightness + shift)
    if way == "stretched":
        return clip01((image + min(shift, np.float32(0))) / (1 - size))
    return clip01(image + shift)


HEAD = HeadSpec(
    label="mean_shift",
    title="Mean shift",
    family="exposure",
    description="All values raised or lowered by the same amount: blacks turn grey, or whites do.",
    weights=bundled("mean_shift"),
    synthesize=synthesize,
    parameters=parameters,
    view="light",
    source="KADID-10k type 18 (Lin, Hosu, Saupe 2019)",
)
