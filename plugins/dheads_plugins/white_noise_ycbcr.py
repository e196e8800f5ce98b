"""White Gaussian noise of one variance on Y, Cb and Cr, KADID-10k type 12: 0.0001, 0.0005, 0.001, 0.002, 0.003.

Going back to RGB amplifies the chroma noise: the grain is coloured and strongest in blue. The variance is that of the
stored planes, whose range is 1. Noise is linear in this, so it is drawn as YCbCr noise and converted, not the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._noise import add_clipped, gaussian
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

VARIANCE = (0.0001, 0.0005, 0.001, 0.002, 0.003)
RED_BLUE_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}


def parameters(severity: float) -> Mapping[str, float]:
    """Variance on each plane."""
    return {"variance": at_severity(VARIANCE, severity, log=True)}


def to_rgb(standard: str, *, limited: bool) -> FloatImage:
    """The 3x3 matrix from YCbCr to RGB of ITU-R BT.601 or BT.709, planes full range or limited (16-235, 16-240)."""
    red, blue = RED_BLUE_WEIGHTS[standard]
    green = 1.0 - red - blue
    cr, cb = 2.0 * (1.0 - red), 2.0 * (1.0 - blue)
    matrix = np.array([[1, 0, cr], [1, -cb * blue / green, -cr * red / green], [1, cb, 0]])
    if limited:
        matrix *= 255.0 / np.array([219.0, 224.0, 224.0])
    return matrix.astype(np.float32)


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Add the noise; BT.601 limited range mostly (MATLAB's), else full range or BT.709, sometimes with 4:2:0 chroma."""
    kind = rng.random()
    matrix = to_rgb("bt709" if kind > 0.9 else "bt601", limited=kind < 0.6)
    deviation = np.float32(parameters(severity)["variance"] ** 0.5)
    noise = _planes(rng, image.shape[0], image.shape[1], subsampled=rng.random() < 0.15)
    return add_clipped(image, noise @ (deviation * matrix.T))


def _planes(rng: np.random.Generator, height: int, width: int, *, subsampled: bool) -> FloatImage:
    """Standard normal Y, Cb, Cr, (height, width, 3); with `subsampled`, one chroma sample for 2x2 pixels."""
    if not subsampled:
        return gaussian(rng, (height, width, 3))
    luma = gaussian(rng, (height, width, 1))
    chroma = gaussian(rng, ((height + 1) // 2, (width + 1) // 2, 2)).repeat(2, axis=0).repeat(2, axis=1)
    return np.concatenate([luma, chroma[:height, :width]], axis=-1)


HEAD = HeadSpec(
    label="white_noise_ycbcr",
    title="White noise in YCbCr",
    family="noise",
    description="Coloured random grain: noise of one strength in brightness and in both colour differences.",
    weights=bundled("white_noise_ycbcr"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 12 (Lin, Hosu, Saupe 2019)",
)
