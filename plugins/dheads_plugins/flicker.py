"""Flicker: the brightness of whole frames pulses, as under mains lighting against the shutter, or as exposure hunts.

Light from 50 or 60 Hz mains pulses at 100 or 120 Hz; a camera that exposes every frame for a part of that period sees
the alias, anything up to half the frame rate. Automatic exposure that overshoots hunts about once a second. Severity is
the difference between the brightest and the darkest frame, in light, over its mean: 4, 8, 15, 28, 50 %, this project's
own levels. The whole frame is changed alike; the bands that a rolling shutter makes of the same light are not made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import clip01, pick, to_encoded, to_linear

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

    Wave: TypeAlias = Callable[[float], float]

DEPTH = (0.04, 0.08, 0.15, 0.28, 0.5)
SLOWEST, FASTEST = 0.8, 15.0
"""Pulses a second; never more than half the frame rate, beyond which they look slower again."""

LEAST_RATE = 12.0
"""Frames a second: in fewer, movement changes a frame as much as a lamp does."""


def parameters(severity: float) -> Mapping[str, float]:
    """Peak-to-peak change of light over its mean."""
    return {"depth": at_severity(DEPTH, severity, log=True)}


def _sine(phase: float) -> float:
    return math.sin(2 * math.pi * phase)


def _lamp(phase: float) -> float:
    """Full-wave rectified, as the light of a lamp without ballast."""
    return 2 * abs(math.sin(math.pi * (phase - 0.25))) - 1


def _hunt(phase: float) -> float:
    """Exposure that falls in a third of the time in which it rises."""
    part = phase % 1.0
    return 8 / 3 * part - 1 if part < 0.75 else 7 - 8 * part


def synthesize_clip(
    frames: Iterable[FloatImage], rate: float, severity: float, rng: np.random.Generator
) -> Iterator[FloatImage]:
    """Multiply the light of each frame by 1 + depth / 2 * wave; the wave, its frequency and its phase vary."""
    depth = parameters(severity)["depth"]
    fastest = max(min(FASTEST, rate / 2), SLOWEST)
    frequency = math.exp(rng.uniform(math.log(SLOWEST), math.log(fastest)))
    wave = pick(rng, ((0.5, _sine), (0.25, _lamp), (0.25, _hunt)))
    # At half the frame rate a sine can be met at its zeros alone.
    phase, drift = rng.uniform(0.15, 0.35), rng.normal(0.0, 0.02)
    for i, frame in enumerate(frames):
        gain = 1 + depth / 2 * wave(phase + i * (frequency / rate + drift / max(rate, 1.0)))
        yield clip01(to_encoded(to_linear(frame) * np.float32(gain)))


HEAD = HeadSpec(
    label="flicker",
    title="Flicker",
    family="temporal",
    description="The brightness of whole frames pulses: lamps against the shutter, or exposure that hunts.",
    weights=bundled("flicker"),
    synthesize_clip=synthesize_clip,
    parameters=parameters,
    view="temporal",
    least_rate=LEAST_RATE,
    source="light of 50/60 Hz mains sampled at the frame rate, hunting exposure; levels of this project",
)
