"""The four distortions that every database of rated pictures has, plain, and over all strengths that occur there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from distortion_heads.io.float_images import to_uint8
from distortion_heads.spec import HeadSpec, Stage
from distortion_heads.synthesis.afterwards import stored
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import clip01

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

Operator: TypeAlias = "Callable[[FloatImage, float, np.random.Generator], FloatImage]"


def blur(image: FloatImage, sigma: float, rng: np.random.Generator) -> FloatImage:
    """Blur with a Gaussian of that many pixels."""
    from scipy.ndimage import gaussian_filter

    return clip01(gaussian_filter(image, (sigma, sigma, 0)))


def noise(image: FloatImage, variance: float, rng: np.random.Generator) -> FloatImage:
    """Add white noise to each channel, of that variance of a range of 1."""
    return clip01(image + np.float32(variance**0.5) * rng.standard_normal(image.shape, np.float32))


def jpeg(image: FloatImage, quality: float, rng: np.random.Generator) -> FloatImage:
    """Store as JPEG of that quality, with colours of half the size mostly."""
    subsampling = 2 if rng.random() < 0.7 else 0
    pixels = stored(to_uint8(image), "JPEG", quality=max(1, round(quality)), subsampling=subsampling)
    return pixels.astype(np.float32) / np.float32(255)


def jpeg2000(image: FloatImage, ratio: float, rng: np.random.Generator) -> FloatImage:
    """Store as JPEG 2000 of a file smaller by that ratio than the pixels."""
    options = {"quality_mode": "rates", "quality_layers": [ratio], "irreversible": True}
    return stored(to_uint8(image), "JPEG2000", **options).astype(np.float32) / np.float32(255)


def operator_spec(
    label: str,
    family: str,
    make: Operator,
    parameter: str,
    levels: tuple[float, ...],
    *,
    log: bool = True,
    stage: Stage | None = None,
) -> HeadSpec:
    """Return a distortion that calls `make` with its parameter at the severity, see `at_severity`."""
    return HeadSpec(
        label=label,
        title=label,
        family=family,
        description="Plain, for training.",
        synthesize=partial(_at, make, levels, log),
        parameters=partial(_named, parameter, levels, log),
        stage=stage,
    )


def _at(
    make: Operator, levels: tuple[float, ...], log: bool, image: FloatImage, severity: float, rng: np.random.Generator
) -> FloatImage:
    return make(image, at_severity(levels, severity, log=log), rng)


def _named(parameter: str, levels: tuple[float, ...], log: bool, severity: float) -> Mapping[str, float]:
    return {parameter: at_severity(levels, severity, log=log)}


def plain_specs() -> tuple[HeadSpec, ...]:
    """Return the four, labelled as the kinds, milder and stronger than these at the ends."""
    return (
        operator_spec("gaussian_blur", "blur", blur, "sigma", (0.35, 0.8, 1.5, 3.0, 6.5)),
        operator_spec("white_noise", "noise", noise, "variance", (2e-4, 1e-3, 4e-3, 0.012, 0.05)),
        operator_spec("jpeg", "compression", jpeg, "quality", (92.0, 55.0, 26.0, 11.0, 3.0)),
        operator_spec("jpeg2000", "compression", jpeg2000, "ratio", (8.0, 25.0, 60.0, 130.0, 350.0)),
    )
