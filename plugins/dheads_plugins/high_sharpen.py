"""Over-sharpening by unsharp masking, KADID-10k type 24: amount 1, 2, 3, 6, 12.

KADID-10k sharpens the lightness of CIELAB with a Gaussian of standard deviation 3, cut at two deviations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._tone import map_lightness
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import Floats, clip01, pick

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

AMOUNT = (1.0, 2.0, 3.0, 6.0, 12.0)
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def parameters(severity: float) -> Mapping[str, float]:
    """How often the difference to the blurred picture is added."""
    return {"amount": at_severity(AMOUNT, severity, log=True)}


def unsharp(plane: Floats, amount: float, sigma: float, truncate: float) -> Floats:
    """plane + amount (plane - blurred plane), not clipped; (H, W) or (H, W, C)."""
    from scipy.ndimage import gaussian_filter

    sigmas = (sigma, sigma, 0.0)[: plane.ndim]
    blurred = gaussian_filter(plane, sigmas, mode="nearest", truncate=truncate)
    return plane + np.float32(amount) * (plane - blurred)


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Sharpen lightness, luma or each channel; half as KADID-10k does, half with a deviation of 0.7 to 2 pixels."""
    amount = parameters(severity)["amount"]
    if rng.random() < 0.5:
        return map_lightness(image, lambda lightness: unsharp(lightness, amount, 3.0, 2.0))
    sigma, truncate = rng.uniform(0.7, 2.0), rng.uniform(2.0, 4.0)
    what = pick(rng, ((0.4, "rgb"), (0.3, "luma"), (0.3, "lightness")))
    if what == "lightness":
        return map_lightness(image, lambda lightness: unsharp(lightness, amount, sigma, truncate))
    if what == "luma":
        luma = image @ np.array(_LUMA, np.float32)
        return clip01(image + (unsharp(luma, amount, sigma, truncate) - luma)[..., None])
    return clip01(unsharp(image, amount, sigma, truncate))


HEAD = HeadSpec(
    label="high_sharpen",
    title="Over-sharpened",
    family="sharpness",
    description="Sharpened too much: bright and dark halos along edges, grain made coarse.",
    weights=bundled("high_sharpen"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 24 (Lin, Hosu, Saupe 2019)",
)
