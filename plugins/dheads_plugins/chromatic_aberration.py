"""Chromatic aberration (Lai, Chu, Leng: RGB channel shift): red and blue displaced by 0.7, 1.5, 2.5, 4, 7 pixels.

The lengths are this project's: the paper gives none. Green stays and the whole channel moves, which tells it from
`color_shift` (KADID-10k type 05: green moves, near edges only). Radially, the length is the root mean square over the
picture of the displacement from the optical centre.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dheads_plugins._bundled import bundled
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

SHIFT = (0.7, 1.5, 2.5, 4.0, 7.0)
RED, BLUE = 0, 2


def parameters(severity: float) -> Mapping[str, float]:
    """Length of red's and blue's displacement against green, in pixels."""
    return {"shift": at_severity(SHIFT, severity, log=True)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Displace red and blue: both in opposite directions or one alone, sideways or radially; interpolation varies."""
    length = parameters(severity)["shift"]
    aberrated = image.copy()
    radial, cubic, alone = rng.random() < 0.45, rng.random() < 0.5, rng.random()
    sign = 1.0 if rng.random() < 0.5 else -1.0
    angle = rng.choice(8) * np.pi / 4 if rng.random() < 0.3 else rng.uniform(0, 2 * np.pi)
    centre = rng.uniform(0.4, 0.6, 2)
    for channel, direction in ((RED, sign), (BLUE, -sign)):
        if alone < 0.2 and channel == (RED if alone < 0.1 else BLUE):
            continue
        plane = image[..., channel]
        if radial:
            scale, offset = _magnification(plane.shape, direction * length, centre)
        else:
            scale, offset = 1.0, direction * length * np.array((np.sin(angle), np.cos(angle)))
        aberrated[..., channel] = resample(plane, scale, (float(offset[0]), float(offset[1])), cubic=cubic)
    return aberrated


def _magnification(
    shape: tuple[int, ...], length: float, centre: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Scale and offset about `centre` (fractions of the picture) whose displacement has the RMS `length` (signed)."""
    size = np.array(shape, np.float64)
    middle = centre * size
    # Mean square distance to the centre: that of a rectangle's points to its middle, and of the middle to the centre.
    distance = np.sqrt((size**2 / 12 + (middle - size / 2) ** 2).sum())
    slope = length / distance
    return 1 + slope, -slope * middle


def resample(plane: FloatImage, scale: float, offset: tuple[float, float], *, cubic: bool) -> FloatImage:
    """Sample (H, W) at `scale * (row, column) + offset`, bilinear or bicubic, edges repeated, clipped to [0, 1]."""
    from PIL import Image

    height, width = plane.shape
    reach = abs(scale - 1) * max(height, width) + max(abs(offset[0]), abs(offset[1]))
    margin = int(np.ceil(reach)) + 3
    padded = Image.fromarray(np.pad(plane, margin, mode="edge"))
    affine = (scale, 0.0, offset[1] + margin, 0.0, scale, offset[0] + margin)
    method = Image.Resampling.BICUBIC if cubic else Image.Resampling.BILINEAR
    sampled = padded.transform((width, height), Image.Transform.AFFINE, affine, resample=method)
    clipped: FloatImage = np.clip(np.asarray(sampled), 0, 1)
    return clipped


HEAD = HeadSpec(
    label="chromatic_aberration",
    title="Chromatic aberration",
    family="color",
    description="Red and blue fringes at edges: the colour channels do not lie on top of each other.",
    weights=bundled("chromatic_aberration"),
    synthesize=synthesize,
    parameters=parameters,
    stage="optics",
    source="Lai, Chu, Leng: quality-aware pre-training, type RGB channel shift",
)
