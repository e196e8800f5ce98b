"""Colour diffusion, KADID-10k type 04: a and b of CIE Lab blurred by a Gaussian, amount 1, 3, 6, 8, 12.

In KADID-10k's published generator an amount `k` is a standard deviation of 1.5 k + 2 pixels, and the blurred a and b
are multiplied by k. That variant is the most common one here; the others diffuse without amplification, with a standard
deviation between k and 1.5 k + 2, in Lab or in YCbCr.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._color import luma
from dheads_plugins._lab import lab_to_rgb, rgb_to_lab
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

AMOUNT = (1.0, 3.0, 6.0, 8.0, 12.0)
CELL_SIGMA = 2.0


def parameters(severity: float) -> Mapping[str, float]:
    """KADID's amount, and its standard deviation in pixels."""
    amount = at_severity(AMOUNT, severity, log=True)
    return {"amount": amount, "sigma": 1.5 * amount + 2}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Blur the chroma and keep the lightness; amplification, width, colour space and kernel support vary."""
    amount = parameters(severity)["amount"]
    variant, truncate = rng.random(), rng.uniform(2.0, 4.0)
    sigma = 1.5 * amount + 2 if variant < 0.6 else rng.uniform(amount, 1.5 * amount + 2)
    if variant >= 0.88:
        grey = luma(image)[..., None]
        diffused: FloatImage = np.clip(grey + blur_planes(image - grey, sigma, truncate), 0, 1)
        return diffused
    lab = rgb_to_lab(image)
    lab[..., 1:] = blur_planes(lab[..., 1:], sigma, truncate) * np.float32(amount if variant < 0.6 else 1)
    return lab_to_rgb(lab)


def blur_planes(planes: FloatImage, sigma: float, truncate: float) -> FloatImage:
    """Gaussian blur of (H, W, C) within each plane, edges repeated.

    Wide blurs run on means of cells half of `sigma` wide: away from the borders the result differs by less than
    1 % of the range, in a fraction of the time.
    """
    return np.stack([_blur(planes[..., i], sigma, truncate) for i in range(planes.shape[-1])], -1)


def _blur(plane: FloatImage, sigma: float, truncate: float) -> FloatImage:
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    cell = int(sigma / CELL_SIGMA)
    if cell < 2:
        return gaussian_filter(plane, sigma, mode="nearest", truncate=truncate)
    height, width = plane.shape
    small = np.asarray(Image.fromarray(np.ascontiguousarray(plane)).reduce(cell))
    # The mean over a cell and the interpolation have a variance of their own (together about cell^2 / 4).
    blurred = gaussian_filter(small, np.sqrt((sigma / cell) ** 2 - 0.25), mode="nearest", truncate=truncate)
    box = (0.0, 0.0, width / cell, height / cell)
    return np.asarray(Image.fromarray(blurred).resize((width, height), Image.Resampling.BILINEAR, box=box))


HEAD = HeadSpec(
    label="color_diffusion",
    title="Colour diffusion",
    family="color",
    description="Colours bleed over the edges of the things they belong to, while the brightness stays sharp.",
    weights=bundled("color_diffusion"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 04 (Lin, Hosu, Saupe 2019)",
)
