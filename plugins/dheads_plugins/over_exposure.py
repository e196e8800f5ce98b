"""Over-exposure (Lai, Chu, Leng): more light than the sensor holds, highlights clipped. Severity is the gain in stops.

Lai et al. use two levels without giving them; here +0.5, +0.9, +1.4, +2, +2.8 stops on linear light.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._tone import expose
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import Floats, clip01, pick

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

STOPS = (0.5, 0.9, 1.4, 2.0, 2.8)


def parameters(severity: float) -> Mapping[str, float]:
    """Gain on linear light, in stops."""
    return {"stops": at_severity(STOPS, severity)}


def _shoulder(encoded: Floats, knee: float) -> Floats:
    """Unchanged below `knee`, then bent towards 1 as film or a camera's tone curve does."""
    room = np.float32(1 - knee)
    bent = 1 - room * np.exp(-(np.maximum(encoded, np.float32(knee)) - np.float32(knee)) / room)
    return np.where(encoded < knee, encoded, bent)


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Multiply linear light and clip; some programs roll highlights off, others multiply encoded values."""
    stops = parameters(severity)["stops"]
    way = pick(rng, ((0.55, "clip"), (0.2, "shoulder"), (0.25, "encoded")))
    if way == "encoded":
        return clip01(image * np.float32(2 ** (stops / 2.2)))
    exposed = expose(image, stops)
    return clip01(_shoulder(exposed, rng.uniform(0.75, 0.95)) if way == "shoulder" else exposed)


HEAD = HeadSpec(
    label="over_exposure",
    title="Over-exposure",
    family="exposure",
    description="Too much light: the picture is bright and its highlights are burnt out to white.",
    weights=bundled("over_exposure"),
    synthesize=synthesize,
    parameters=parameters,
    view="light",
    stage="sensor",
    source="Lai, Chu, Leng: quality-aware pre-training",
)
