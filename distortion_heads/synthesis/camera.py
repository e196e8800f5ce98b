"""A camera: what a sensor and its program make of light (after Brooks et al. 2019, Unprocessing Images for Learned
Raw Denoising): inverse tone curve and white balance, noise of variance `shot * light + read^2`, mosaic of Bayer,
demosaicing, white balance, tone curve. Cameras then remove noise and sharpen, which leaves blotches.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from distortion_heads.synthesis.tone import LUMA, Floats, clip01, pick, to_encoded, to_linear

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage


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

    luma: Floats = (image @ LUMA)[..., None]
    return luma + gaussian_filter(image - luma, (sigma, sigma, 0)).astype(np.float32)


def _smoothed_luma(image: Floats, sigma: float, edge: float) -> Floats:
    """Blur where differences are small against `edge`: a bilateral filter in its cheapest form, a guided one."""
    from scipy.ndimage import uniform_filter

    size = 2 * max(1, round(sigma)) + 1
    luma = image @ LUMA
    mean, square = uniform_filter(luma, size), uniform_filter(luma * luma, size)
    variance = np.maximum(square - mean * mean, 0)
    gain = uniform_filter(variance / (variance + np.float32(edge * edge)), size)
    smooth = gain * luma + (1 - gain) * mean
    changed: Floats = (image + (smooth - luma)[..., None]).astype(np.float32)
    return changed


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
