"""Distort clean pictures: one distortion or a mixture in the order in which a camera would make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads.errors import DataError
from distortion_heads.spec import MAX_SEVERITY, MIN_SEVERITY, STAGES, HeadSpec, Stage
from distortion_heads.synthesis.clip_random import FrameGenerator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from distortion_heads.spec import FloatImage

FAMILY_STAGE: dict[str, Stage] = {
    "blur": "optics",
    "atmosphere": "atmosphere",
    "noise": "sensor",
    "compression": "compression",
}

VARYING_FAMILY = "noise"
"""The family that differs from frame to frame of a clip."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One distortion of a mixture; severity in [1, 5]."""

    spec: HeadSpec
    severity: float


def stage_of(spec: HeadSpec) -> int:
    """Return a distortion's place in the imaging chain, an index into `STAGES`; unknown families are processing."""
    return STAGES.index(spec.stage or FAMILY_STAGE.get(spec.family, "processing"))


def in_physical_order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Sort by stage, then by label, so that a mixture does not depend on the order in which it was named."""
    return tuple(sorted(steps, key=lambda step: (stage_of(step.spec), step.spec.label)))


def distort(image: FloatImage, steps: Sequence[Step], rng: np.random.Generator) -> FloatImage:
    """Apply `steps` in physical order to a float32 HWC RGB image in [0, 1], and return the same shape, dtype and range.

    Each step draws from its own child of `rng`, so that one distortion's draws never change another's.
    Raises `DataError` if a plugin cannot synthesize or breaks the contract.
    """
    ordered = in_physical_order(steps)
    for step, child in zip(ordered, rng.spawn(len(ordered)), strict=True):
        image = _apply(image, step, child)
    return image


def distort_frame(image: FloatImage, steps: Sequence[Step], seed: int, frame: int) -> FloatImage:
    """Apply `steps` as `distort` does to the frame number `frame` of a clip with one `seed`.

    Kernels, directions, veils, blocks and settings of codecs are drawn anew from the same stream for every frame, so
    they stay; in the family noise only single numbers do, and the noise itself is the frame's own.
    """
    ordered = in_physical_order(steps)
    clips = np.random.default_rng(seed).spawn(len(ordered))
    frames = np.random.default_rng((seed, 1, frame)).spawn(len(ordered))
    for step, clip, own in zip(ordered, clips, frames, strict=True):
        image = _apply(image, step, FrameGenerator(clip, own) if step.spec.family == VARYING_FAMILY else clip)
    return image


def _apply(image: FloatImage, step: Step, rng: np.random.Generator) -> FloatImage:
    spec = step.spec
    if spec.synthesize is None:
        why = "is for videos alone" if spec.synthesize_clip else "has no synthesizer"
        raise DataError(f"the head {spec.label!r} {why}; it cannot be used to distort pictures")
    if not MIN_SEVERITY <= step.severity <= MAX_SEVERITY:
        raise DataError(f"severity {step.severity} is outside [{MIN_SEVERITY:g}, {MAX_SEVERITY:g}]")
    return check_made(spec, spec.synthesize(image, step.severity, rng), image.shape)


def check_made(spec: HeadSpec, result: FloatImage, shape: tuple[int, ...]) -> FloatImage:
    """Return a synthesizer's result, if it keeps the contract. Raises `DataError` otherwise."""
    if getattr(result, "shape", None) != shape or result.dtype != np.float32:
        raise DataError(f"the synthesizer of {spec.label!r} returned {_describe(result)}, not float32 {shape}")
    low, high = float(result.min()), float(result.max())
    if not (low >= 0.0 and high <= 1.0):
        raise DataError(f"the synthesizer of {spec.label!r} left [0, 1]: {low} to {high}")
    return result


def _describe(value: object) -> str:
    return f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


def draw_mixture(
    specs: Sequence[HeadSpec],
    size: int,
    rng: np.random.Generator,
    *,
    severities: tuple[float, float] = (MIN_SEVERITY, MAX_SEVERITY),
    weights: NDArray[np.float64] | None = None,
) -> tuple[Step, ...]:
    """Draw up to `size` distortions of distinct families, with severities uniform in the given range.

    `weights` (same length as `specs`, summing to 1) makes some more frequent than others.
    """
    order = rng.choice(len(specs), size=len(specs), replace=False, p=weights)
    chosen: list[Step] = []
    families: set[str] = set()
    for spec in (specs[i] for i in order):
        if len(chosen) == size:
            break
        if spec.family not in families:
            families.add(spec.family)
            chosen.append(Step(spec=spec, severity=float(rng.uniform(*severities))))
    return in_physical_order(chosen)
