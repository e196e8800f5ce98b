"""Vignetting: the picture darkens from its middle to its corners. Severity is the loss in the corners, in stops.

Half of the draws follow the cos^4 law of natural vignetting in linear light, g(r) = (1 + (r tan a)^2)^-2, with r = 1 in
the corners; the others are a Gaussian mask or a power of r on encoded values, as image editors make them, with the same
corners. The levels 1, 1.5, 2.2, 3.2, 4.5 stops are this project's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._fields import Floats
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import clip01, pick, to_encoded, to_linear

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

STOPS = (1.0, 1.5, 2.2, 3.2, 4.5)
_ENCODING = 2.2  # a gain g on linear light is about g ** (1 / 2.2) on encoded values


def parameters(severity: float) -> Mapping[str, float]:
    """Light lost in the corners, in stops."""
    return {"stops": at_severity(STOPS, severity)}


def squared_radius(shape: tuple[int, int], roundness: float, offset: tuple[float, float] = (0.0, 0.0)) -> Floats:
    """r^2 (H, W), 1 in the corners: isolines are circles at `roundness` 1, follow the picture's aspect at 0.

    `offset` moves the middle, in halves of height and width.
    """
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] - np.float32(offset[0])
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :] - np.float32(offset[1])
    weight_y, weight_x = (float(side) ** (2 * roundness) for side in shape)
    total = weight_y + weight_x
    return np.float32(weight_y / total) * y * y + np.float32(weight_x / total) * x * x


def cos4(squared: Floats, stops: float) -> Floats:
    """Gain on linear light by the cos^4 law: 2**-stops where r = 1."""
    gain: Floats = np.square(1 / (1 + np.float32(2 ** (stops / 2) - 1) * squared))
    return gain


def _gaussian(squared: Floats, stops: float) -> Floats:
    """Gain on encoded values: a Gaussian mask."""
    gain: Floats = np.exp(np.float32(-stops / _ENCODING * math.log(2)) * squared)
    return gain


def _power(squared: Floats, stops: float, exponent: float) -> Floats:
    """Gain on encoded values: 1 - c r^exponent; a large exponent darkens the corners alone."""
    loss: Floats = np.float32(1 - 2 ** (-stops / _ENCODING)) * squared ** np.float32(exponent / 2)
    return np.maximum(1 - loss, np.float32(0))


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Darken towards the corners; the law, the roundness and (within 4 %) the middle vary."""
    stops = parameters(severity)["stops"]
    shape = (image.shape[0], image.shape[1])
    roundness = pick(rng, ((0.5, 1.0), (0.25, 0.0), (0.25, float(rng.random()))))
    offset = (rng.normal(0.0, 0.015), rng.normal(0.0, 0.015))
    squared = squared_radius(shape, roundness, offset)[..., None]
    law = pick(rng, ((0.5, "cos4"), (0.25, "gaussian"), (0.25, "power")))
    if law == "cos4":
        return clip01(to_encoded(to_linear(image) * cos4(squared, stops)))
    gain = _gaussian(squared, stops) if law == "gaussian" else _power(squared, stops, rng.uniform(1.8, 4.5))
    return clip01(image * gain)


HEAD = HeadSpec(
    label="vignetting",
    title="Vignetting",
    family="light",
    description="Darkens evenly from the middle of the picture to its corners.",
    weights=bundled("vignetting"),
    synthesize=synthesize,
    parameters=parameters,
    view="light",
    stage="optics",
    source="cos^4 law of natural vignetting; distortion named by Lai, Chu, Leng",
)
