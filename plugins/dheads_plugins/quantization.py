"""Quantisation, KADID-10k type 22: multi-level Otsu thresholds, 20, 16, 13, 10, 7 of them, without dither.

`n` thresholds leave n + 1 levels. KADID-10k's published generator takes one set of thresholds for the three channels,
found by a search that starts from even spacing and stops early, and gives each class its upper threshold (the lowest
class 0, the highest 1). Others take thresholds per channel and class means, or posterise evenly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dheads_plugins._bundled import bundled
from dheads_plugins._color import to_bytes
from dheads_plugins._otsu import otsu_thresholds
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

THRESHOLDS = (20.0, 16.0, 13.0, 10.0, 7.0)


def parameters(severity: float) -> Mapping[str, float]:
    """Number of thresholds; each channel has at most one level more."""
    return {"thresholds": float(round(at_severity(THRESHOLDS, severity, log=True)))}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Reduce each channel to few levels: KADID's way in half of the draws, else Otsu per channel or evenly."""
    count = int(parameters(severity)["thresholds"])
    pixels = to_bytes(image)
    variant = rng.random()
    if variant < 0.5:
        return _shared(pixels, count, optimality=rng.random())[pixels]
    if variant < 0.8:
        return np.stack([_per_channel(pixels[..., i], count)[pixels[..., i]] for i in range(3)], -1)
    return _even(count, rounding=variant < 0.9)[pixels]


def _shared(pixels: NDArray[np.uint8], count: int, optimality: float) -> FloatImage:
    """Table (256,) of KADID's quantiser; `optimality` in [0, 1] leads from evenly spaced to Otsu's thresholds."""
    counts = np.bincount(pixels.ravel(), minlength=256)
    filled = np.flatnonzero(counts)
    even = np.linspace(filled[0], filled[-1], count + 2)[1:-1]
    otsu = otsu_thresholds(counts, count + 1)
    thresholds = (1 - optimality) * even + optimality * otsu
    values = np.concatenate(([0.0], thresholds[1:] / 255, [1.0])).astype(np.float32)
    return values[np.searchsorted(thresholds, np.arange(256), side="left")]


def _per_channel(channel: NDArray[np.uint8], count: int) -> FloatImage:
    """Table (256,) that maps each Otsu class of one channel to its mean."""
    counts = np.bincount(channel.ravel(), minlength=256)
    # Pairs of neighbouring values quarter the search and move a threshold by one value at most.
    thresholds = 2 * otsu_thresholds(counts.reshape(128, 2).sum(1), count + 1)
    classes = np.searchsorted(thresholds, np.arange(256), side="right")
    mass = np.bincount(classes, counts, count + 1)
    moment = np.bincount(classes, counts * np.arange(256), count + 1)
    means = moment / np.maximum(mass, 1) / 255
    return means.astype(np.float32)[classes]


def _even(count: int, *, rounding: bool) -> FloatImage:
    """Table (256,) of `count` + 1 evenly spaced levels, each value rounded to its level or into equal classes."""
    values = np.arange(256)
    level = np.round(values / 255 * count) if rounding else values * (count + 1) // 256
    return (level / count).astype(np.float32)


HEAD = HeadSpec(
    label="quantization",
    title="Quantisation",
    family="color",
    description="Few levels per channel: smooth shades turn into steps with visible contours.",
    weights=bundled("quantization"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 22 (Lin, Hosu, Saupe 2019)",
)
