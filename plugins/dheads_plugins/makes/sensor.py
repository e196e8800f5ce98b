"""Noise as cameras make it: in linear light, on a colour mosaic, then developed; and grain, chroma noise and banding.

The way from the picture back to the sensor and forth again follows Brooks et al. 2019 (Unprocessing Images for Learned
Raw Denoising): inverse tone curve and white balance, noise of variance `shot * light + read^2`, mosaic of Bayer,
demosaicing, white balance, tone curve. Cameras then remove noise, sharpen and store JPEG, which leaves blotches.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._tone import Floats, clip01, pick, to_encoded, to_linear
from dheads_plugins.makes._spec import make
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

SHOT = (0.0004, 0.0015, 0.005, 0.015, 0.06)
"""Variance of the shot noise of white, as a share of white squared: from ISO 400 to beyond what cameras offer."""

GRAIN = (0.02, 0.04, 0.07, 0.11, 0.17)
CHROMA = (0.02, 0.04, 0.07, 0.11, 0.17)
BANDING = (0.006, 0.012, 0.022, 0.04, 0.07)
STRONG = (0.03, 0.06, 0.12, 0.25, 0.5)
"""Standard deviations of encoded values in [0, 1]."""


def mosaic(light: Floats) -> Floats:
    """Keep of each pixel (H, W, 3) the one colour that a Bayer sensor (RGGB) sees there: (H, W)."""
    raw = light[..., 1].copy()
    raw[0::2, 0::2] = light[0::2, 0::2, 0]
    raw[1::2, 1::2] = light[1::2, 1::2, 2]
    return raw


def demosaic(raw: Floats, way: str) -> Floats:
    """Interpolate the missing colours of an RGGB mosaic (H, W) -> (H, W, 3): "bilinear" or "gradient".

    "gradient" corrects the bilinear value by the curvature of the colour that is there (Malvar, He, Cutler 2004).
    """
    from scipy.ndimage import convolve

    height, width = raw.shape
    masks = np.zeros((3, height, width), np.float32)
    masks[0, 0::2, 0::2] = masks[2, 1::2, 1::2] = 1
    masks[1] = 1 - masks[0] - masks[2]
    cross = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float32) / 4
    square = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32) / 4
    planes = [
        convolve(raw * mask, kernel, mode="mirror") for mask, kernel in zip(masks, (square, cross, square), strict=True)
    ]
    if way == "gradient":
        bend = np.zeros((5, 5), np.float32)
        bend[0, 2] = bend[4, 2] = bend[2, 0] = bend[2, 4] = 1 / 8
        bend[2, 2] = -4 / 8
        curvature = convolve(raw, bend, mode="mirror")
        planes = [
            plane - (1 - mask) * np.float32(share) * curvature
            for plane, mask, share in zip(planes, masks, (0.625, 0.5, 0.625), strict=True)
        ]
    return np.stack(planes, axis=-1)


def _smoothed_chroma(image: Floats, sigma: float) -> Floats:
    """Blur what differs from the luma, as cameras do first."""
    from scipy.ndimage import gaussian_filter

    luma = (image @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    return luma + gaussian_filter(image - luma, (sigma, sigma, 0)).astype(np.float32)


def _smoothed_luma(image: Floats, sigma: float, edge: float) -> Floats:
    """Blur where differences are small against `edge`: a bilateral filter in its cheapest form, a guided one."""
    from scipy.ndimage import uniform_filter

    size = 2 * max(1, round(sigma)) + 1
    luma = image @ np.array([0.299, 0.587, 0.114], np.float32)
    mean, square = uniform_filter(luma, size), uniform_filter(luma * luma, size)
    variance = np.maximum(square - mean * mean, 0)
    gain = uniform_filter(variance / (variance + np.float32(edge * edge)), size)
    smooth = gain * luma + (1 - gain) * mean
    return image + (smooth - luma)[..., None]


def _sharpened(image: Floats, amount: float, sigma: float) -> Floats:
    from scipy.ndimage import gaussian_filter

    return image + np.float32(amount) * (image - gaussian_filter(image, (sigma, sigma, 0)).astype(np.float32))


def develop(image: FloatImage, shot: float, rng: np.random.Generator, *, finish: bool = True) -> FloatImage:
    """Take the picture again with a sensor of that shot noise; with `finish` also what the camera does to it."""
    gains = np.array([rng.uniform(1.4, 2.4), 1.0, rng.uniform(1.3, 2.2)], np.float32)
    exposure = np.float32(rng.uniform(0.7, 1.0))
    light = to_linear(image) * exposure / gains
    read = math.exp(2.18 * math.log(shot) + 1.2) ** 0.5 * rng.uniform(0.7, 1.4)
    raw = mosaic(light)
    deviation = np.sqrt(np.maximum(shot * raw, 0) + np.float32(read * read))
    raw += rng.standard_normal(raw.shape, np.float32) * deviation
    if rng.random() < 0.3:  # rows are read out with an offset of their own
        raw += rng.standard_normal((len(raw), 1), np.float32) * np.float32(read * rng.uniform(0.1, 0.5))
    developed = demosaic(raw, pick(rng, ((0.4, "bilinear"), (0.6, "gradient")))) * gains / exposure
    encoded = to_encoded(clip01(developed)).astype(np.float32)
    if not finish:
        return clip01(encoded)
    noise = float(np.sqrt(shot * 0.2)) * 2
    if rng.random() < 0.75:
        encoded = _smoothed_chroma(encoded, rng.uniform(0.8, 4.0))
    if rng.random() < 0.55:
        encoded = _smoothed_luma(encoded, rng.uniform(1.0, 2.5), noise * rng.uniform(0.15, 0.7))
    if rng.random() < 0.6:
        encoded = _sharpened(encoded, rng.uniform(0.2, 1.2), rng.uniform(0.6, 1.5))
    return clip01(encoded)


def camera(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """High ISO: sensor, demosaicing and the camera's own cleaning."""
    return develop(image, at_severity(SHOT, severity) * rng.uniform(0.7, 1.4), rng)


def raw_camera(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """High ISO, developed without any cleaning."""
    return develop(image, at_severity(SHOT, severity) * rng.uniform(0.5, 1.0), rng, finish=False)


def film_grain(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Clumps of silver: noise of a pixel or two in size, strongest in the middle tones, mostly without colour."""
    from scipy.ndimage import gaussian_filter

    size, colour = rng.uniform(0.4, 1.5), rng.uniform(0.0, 0.6)
    common = gaussian_filter(rng.standard_normal((*image.shape[:2], 1), np.float32), (size, size, 0))
    own = gaussian_filter(rng.standard_normal(image.shape, np.float32), (size, size, 0))
    grain = common + np.float32(colour) * own
    luma = image.mean(axis=2, keepdims=True)
    strength = at_severity(GRAIN, severity) * 4 * np.maximum(luma * (1 - luma), 0.05)
    return clip01(image + grain / max(float(grain.std()), 1e-6) * strength)


def chroma_noise(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Coloured blotches: noise of a few pixels in size that leaves the luma alone."""
    from scipy.ndimage import gaussian_filter

    size = rng.uniform(0.5, 4.0)
    noise = gaussian_filter(rng.standard_normal(image.shape, np.float32), (size, size, 0))
    noise -= (noise @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    return clip01(image + noise / max(float(noise.std()), 1e-6) * np.float32(at_severity(CHROMA, severity)))


def banding(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Rows or columns with an offset of their own, beside some white noise."""
    deviation = np.float32(at_severity(BANDING, severity))
    height, width, _ = image.shape
    shape = (height, 1, 1) if rng.random() < 0.6 else (1, width, 1)
    lines = rng.standard_normal(shape, np.float32) * deviation
    return clip01(image + lines + rng.standard_normal(image.shape, np.float32) * deviation)


def strong(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """White noise until the picture is nearly lost: Gaussian, uniform or Laplacian, per channel or alike in all."""
    deviation = at_severity(STRONG, severity) * rng.uniform(0.7, 1.3)
    shape = image.shape if rng.random() < 0.7 else (*image.shape[:2], 1)
    draw: Callable[[], Floats] = pick(
        rng,
        (
            (0.6, lambda: rng.standard_normal(shape, np.float32)),
            (0.2, lambda: rng.uniform(-math.sqrt(3), math.sqrt(3), shape).astype(np.float32)),
            (0.2, lambda: rng.laplace(0.0, math.sqrt(0.5), shape).astype(np.float32)),
        ),
    )
    return clip01(image + np.float32(deviation) * draw())


def shot_noise(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Poisson counts of encoded values, as many libraries make it: from 500 photons for white down to 3."""
    photons = at_severity((500.0, 100.0, 40.0, 12.0, 3.0), severity) * rng.uniform(0.7, 1.4)
    return clip01((rng.poisson(image * photons) / photons).astype(np.float32))


def salt_or_pepper(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """White, black or both, of single channels or of whole pixels, up to four in ten."""
    density = at_severity((0.002, 0.01, 0.04, 0.12, 0.4), severity) * rng.uniform(0.6, 1.4)
    shape = (*image.shape[:2], 1) if rng.random() < 0.6 else image.shape
    white = pick(rng, ((0.5, 0.5), (0.25, 1.0), (0.25, 0.0)))
    hit = rng.random(shape) < density
    return np.where(hit, (rng.random(shape) < white).astype(np.float32), image).astype(np.float32)


def speckle(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Noise in proportion to the value, up to the value itself."""
    deviation = at_severity((0.08, 0.15, 0.25, 0.45, 0.8), severity) * rng.uniform(0.7, 1.3)
    return clip01(image * (1 + np.float32(deviation) * rng.standard_normal(image.shape, np.float32)))


MAKES = tuple(
    make("noise", function, stage="sensor")
    for function in (camera, raw_camera, film_grain, chroma_noise, banding, strong, shot_noise, salt_or_pepper, speckle)
)
