"""Motion blur, KADID-10k type 03: linear motion over 1, 2, 4, 6, 10 pixels, in any direction.

A length of one pixel leaves every pixel as it was, so severity 1 uses 1.5 here. Half of the pictures get the
anti-aliased line of KADID's program; the others the one-pixel line that OpenCV users draw (half of these horizontal,
vertical or diagonal), or the slightly bent, unevenly travelled path of a shaken camera, as long as a line of the same
standard deviation. A fifth is averaged in linear light, as a sensor does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dheads_plugins._bundled import bundled
from dheads_plugins._convolve import convolve
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

LENGTH = (1.5, 2.0, 4.0, 6.0, 10.0)
SHAPES = ("line", "raster", "path")
SHAPE_ODDS = (0.55, 0.25, 0.2)
LINEAR_LIGHT_ODDS = 0.2
SAMPLES_PER_PIXEL = 16


def parameters(severity: float) -> Mapping[str, float]:
    """Length of the motion in pixels."""
    return {"length": at_severity(LENGTH, severity)}


def line(length: float, angle: float) -> NDArray[np.float64]:
    """Anti-aliased line at `angle` (radians): weight falls to 0 at one pixel from a segment of `length - 1` pixels."""
    half = (length - 1) / 2
    y, x = _grid(half + 1)
    along, across = _rotate(x, y, angle)
    kernel: NDArray[np.float64] = np.clip(1 - np.hypot(np.maximum(np.abs(along) - half, 0), across), 0, None)
    return kernel


def raster(length: float, angle: float) -> NDArray[np.float64]:
    """Line of single pixels without anti-aliasing, `length` pixels long at `angle` (radians); its end pixels fade."""
    cosine, sine = math.cos(angle), math.sin(angle)
    major = max(abs(cosine), abs(sine))
    half = (length - 1) / 2 * major + 0.5  # pixels along the major axis to either side, the middle one counting half
    reach = math.ceil(half - 0.5)
    steps = np.arange(-reach, reach + 1)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    rows, columns = (np.rint(steps * part / major).astype(int) + reach for part in (sine, cosine))
    kernel[rows, columns] = np.clip(half + 0.5 - np.abs(steps), 0, 1)
    return kernel


def path(length: float, angle: float, *, turn: float = 0.0, decay: float = 0.0) -> NDArray[np.float64]:
    """Arc that starts at `angle` minus half of `turn` (radians) and is left as a half-Gaussian of `decay` deviations.

    Its arc length has the standard deviation of an evenly travelled `length` (pixels).
    """
    u = (np.arange(math.ceil(2 * length * SAMPLES_PER_PIXEL)) + 0.5) / math.ceil(2 * length * SAMPLES_PER_PIXEL)
    weight = np.exp(-0.5 * (decay * u) ** 2)
    weight /= weight.sum()
    deviation = math.sqrt(weight @ (u - weight @ u) ** 2)
    step = length / math.sqrt(12) / deviation / len(u)
    direction = angle + turn * (u - 0.5)
    x, y = (np.cumsum(part) * step for part in (np.cos(direction), np.sin(direction)))
    return _splat(x - weight @ x, y - weight @ y, weight)


def _splat(x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distribute weighted points bilinearly over the four pixels around each; odd sides, origin in the middle."""
    reach = math.ceil(max(np.abs(x).max(), np.abs(y).max())) + 1
    left, top = np.floor(x), np.floor(y)
    right_share, bottom_share = x - left, y - top
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    for down, row_share in ((0, 1 - bottom_share), (1, bottom_share)):
        for right, column_share in ((0, 1 - right_share), (1, right_share)):
            index = (top.astype(int) + down + reach, left.astype(int) + right + reach)
            np.add.at(kernel, index, weight * row_share * column_share)
    return kernel


def _grid(reach: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Row and column offsets of the pixels of a square kernel that covers `reach`."""
    axis = np.arange(-math.ceil(reach), math.ceil(reach) + 1, dtype=np.float64)
    return axis[:, np.newaxis], axis[np.newaxis, :]


def _rotate(
    x: NDArray[np.float64], y: NDArray[np.float64], angle: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates along and across the direction `angle`."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return x * cosine + y * sine, y * cosine - x * sine


def _draw_kernel(length: float, rng: np.random.Generator) -> NDArray[np.float64]:
    shape = rng.choice(SHAPES, p=SHAPE_ODDS)
    angle = rng.uniform(0, math.pi)
    if shape == "raster":
        return raster(length, math.pi / 4 * rng.integers(4) if rng.random() < 0.5 else angle)
    if shape == "path":
        return path(length, angle, turn=rng.uniform(-1, 1), decay=rng.uniform(0, 2))
    return line(length, angle)


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Blur along a line or a slightly bent path; its direction and rendering, and the averaging of light, vary."""
    kernel = _draw_kernel(parameters(severity)["length"], rng)
    return convolve(image, kernel, linear_light=rng.random() < LINEAR_LIGHT_ODDS)


HEAD = HeadSpec(
    label="motion_blur",
    title="Motion blur",
    family="blur",
    description="Smeared along one direction, as by a moving camera or subject.",
    weights=bundled("motion_blur"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 03 (Lin, Hosu, Saupe 2019)",
)
