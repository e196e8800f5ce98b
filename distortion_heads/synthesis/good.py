"""Give a good picture what no head may take for a fault: a camera's finish, softness at 1:1, shallow focus."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from distortion_heads.synthesis.camera import develop
from distortion_heads.synthesis.tone import clip01

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

FAINT, LOUD = 2e-5, 4e-4
"""Shot noise of a camera in good light: it leaves its marks, not a fault."""


def finished(image: FloatImage, rng: np.random.Generator) -> FloatImage:
    """Take the picture again with a good camera: faint noise, demosaicing, cleaning and sharpening."""
    return develop(image, math.exp(rng.uniform(math.log(FAINT), math.log(LOUD))), rng)


def softened(image: FloatImage, rng: np.random.Generator) -> FloatImage:
    """Soften a little, as all camera originals are at 1:1: a Gaussian of .4 to .8 pixels."""
    from scipy.ndimage import gaussian_filter

    sigma = rng.uniform(0.4, 0.8)
    return clip01(gaussian_filter(image, (sigma, sigma, 0)))


def shallow_focus(image: FloatImage, rng: np.random.Generator) -> tuple[FloatImage, NDArray[np.float32]]:
    """Blur what lies around a sharp subject, which is no fault; also return how sharp each pixel is, (H, W), in [0, 1].

    The subject takes 30 to 60 % of the picture; the rest is out of focus by 2 to 12 pixels.
    """
    from scipy.ndimage import gaussian_filter

    height, width, _ = image.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    centre = rng.uniform(0.3, 0.7, 2)
    distance = np.hypot((y - centre[0] * height) / height, (x - centre[1] * width) / width * rng.uniform(0.7, 1.4))
    edge = float(np.quantile(distance[::8, ::8], rng.uniform(0.3, 0.6)))
    sharp = np.clip((edge - distance) / np.float32(rng.uniform(0.03, 0.12)) + 1, 0, 1).astype(np.float32)
    radius = rng.uniform(2.0, 12.0) / 2
    light = image * image
    for _ in range(2):
        light = gaussian_filter(light, (radius / math.sqrt(2), radius / math.sqrt(2), 0))
    around = np.sqrt(np.clip(light, 0, 1))
    return clip01(sharp[..., None] * image + (1 - sharp[..., None]) * around), sharp
