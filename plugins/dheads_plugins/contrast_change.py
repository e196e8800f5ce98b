"""Contrast change, KADID-10k type 25: a sigmoid tone curve, steeper or flatter at middle grey.

KADID-10k puts a cubic spline through (0, 0), (0.3, 0.25 - a/4), (0.5, 0.5), (0.7, 0.75 + a/4), (1, 1), with a = 0.3,
0.15, 0, -0.4, -0.6: the sign changes and the third level changes little. The straight line is a = -0.2. Here severity
is the distance |a + 0.2| = 0.1, 0.2, 0.3, 0.4, 0.5, and whether contrast rises or falls is drawn. KADID-10k's levels
are +0.5, +0.35, +0.2, -0.2, -0.4 on this scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._tone import Curve, map_lightness, map_rgb
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import Floats, clip01, pick

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

AMOUNT = (0.1, 0.2, 0.3, 0.4, 0.5)
_NODE = 0.2  # the inner spline nodes are this far from middle grey


def parameters(severity: float) -> Mapping[str, float]:
    """Four times the distance by which the curve moves its nodes 0.3 and 0.7; the direction is drawn."""
    return {"amount": at_severity(AMOUNT, severity)}


def spline(amount: float) -> Curve:
    """KADID-10k's curve in closed form: by symmetry the not-a-knot spline is one odd cubic about middle grey."""
    factor = np.float32(amount / 4 / (_NODE * (1 - 4 * _NODE**2)))

    def curve(x: Floats) -> Floats:
        u = x - np.float32(0.5)
        return clip01(x + factor * u * (1 - 4 * u * u))

    return curve


def logistic(amount: float) -> Curve:
    """The sigmoidal contrast of image editors, or its inverse, through the same nodes as `spline(amount)`."""
    goal = 0.5 + (_NODE + abs(amount) / 4 if amount > 0 else _NODE)
    start = _NODE if amount > 0 else _NODE - abs(amount) / 4
    low, high = 1e-3, 60.0
    for _ in range(40):
        steepness = (low + high) / 2
        reached = 0.5 + 0.5 * np.tanh(steepness * start) / np.tanh(steepness / 2)
        low, high = (steepness, high) if reached < goal else (low, steepness)
    steep, span = np.float32(steepness), np.float32(np.tanh(steepness / 2))
    if amount > 0:
        return lambda x: np.float32(0.5) + np.tanh(steep * (x - np.float32(0.5))) / (2 * span)
    return lambda x: np.float32(0.5) + np.arctanh((2 * clip01(x) - 1) * span) / steep


def linear(amount: float, pivot: float) -> Curve:
    """A straight line through (pivot, pivot) that moves a value 0.2 off the pivot as far as `spline(amount)` does."""
    slope = np.float32(1 + amount / 4 / _NODE)
    return lambda x: clip01((x - np.float32(pivot)) * slope + np.float32(pivot))


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Bend the tones of RGB (or of lightness); some programs use a logistic curve or a straight line."""
    amount = parameters(severity)["amount"] * (1 if rng.random() < 0.5 else -1)
    apply = pick(rng, ((0.85, map_rgb), (0.15, map_lightness)))
    way = pick(rng, ((0.65, "spline"), (0.15, "logistic"), (0.2, "linear")))
    if way == "linear":
        pivot = 0.5 if rng.random() < 0.5 else float(image.mean())
        return apply(image, linear(amount, pivot))
    return apply(image, spline(amount) if way == "spline" else logistic(amount))


HEAD = HeadSpec(
    label="contrast_change",
    title="Contrast change",
    family="exposure",
    description="Contrast raised or lowered by a tone curve about middle grey.",
    weights=bundled("contrast_change"),
    synthesize=synthesize,
    parameters=parameters,
    view="light",
    source="KADID-10k type 25 (Lin, Hosu, Saupe 2019)",
)
