"""Under-exposure (Lai, Chu, Leng): too little light, shadows crushed. Severity is the loss in stops.

Lai et al. use two levels without giving them; here 0.7, 1.2, 1.8, 2.6, 3.5 stops less linear light.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._tone import expose
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import clip01, pick

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

STOPS = (0.7, 1.2, 1.8, 2.6, 3.5)


def parameters(severity: float) -> Mapping[str, float]:
    """Loss of linear light, in stops."""
    return {"stops": at_severity(STOPS, severity)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Divide linear light; some cameras crush what is left of the shadows, some programs scale encoded values."""
    stops = parameters(severity)["stops"]
    way = pick(rng, ((0.5, "linear"), (0.25, "crushed"), (0.25, "encoded")))
    dark = image * np.float32(2 ** (-stops / 2.2)) if way == "encoded" else expose(image, -stops)
    if way == "crushed":
        black = np.float32(rng.uniform(0.01, 0.04))
        dark = (dark - black) / (1 - black)
    return clip01(dark)


HEAD = HeadSpec(
    label="under_exposure",
    title="Under-exposure",
    family="exposure",
    description="Too little light: the picture is dark and its shadows sink into black.",
    weights=bundled("under_exposure"),
    synthesize=synthesize,
    parameters=parameters,
    view="light",
    stage="sensor",
    source="Lai, Chu, Leng: quality-aware pre-training",
)
