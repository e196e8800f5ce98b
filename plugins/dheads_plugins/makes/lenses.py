"""Blur by lenses, shake and movement, and by enlarging; large enough for large pictures, and in linear light."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dheads_plugins._convolve import convolve
from dheads_plugins._fields import enlarge, fractal_noise, grid, normalised, raster
from distortion_heads.synthesis.levels import at_severity
from distortion_heads.synthesis.tone import clip01, pick

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

RADIUS = (1.6, 2.6, 4.5, 8.0, 15.0)
"""Radius of the circle of confusion in pixels, for a picture whose short side is 384; larger ones are blurred more."""

FINE = 4
"""Kernels are drawn this much finer and then averaged, so that sizes need not be whole."""


def scaled(image: FloatImage, radius: float) -> float:
    """Pixels for this picture: half of the growth with its size, since detail is not equally fine in all."""
    return radius * math.sqrt(min(image.shape[:2]) / 384)


def _averaged(fine: NDArray[np.float64]) -> NDArray[np.float64]:
    """From a finely drawn kernel (FINE * odd) to one with odd sides."""
    rows, columns = fine.shape[0] // FINE, fine.shape[1] // FINE
    averaged: NDArray[np.float64] = fine.reshape(rows, FINE, columns, FINE).mean((1, 3))
    return averaged


def _raster(radius: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fine coordinates in pixels of a kernel that holds a disc of `radius`: y (n, 1), x (1, n)."""
    side = FINE * (2 * math.ceil(radius) + 1)
    line = (np.arange(side) - (side - 1) / 2) / FINE
    return line[:, None], line[None, :]


def aperture(radius: float, blades: int, angle: float) -> NDArray[np.float64]:
    """A regular polygon of `blades` corners in a circle of `radius` pixels; 0 blades: the disc."""
    y, x = _raster(radius)
    distance = np.hypot(y, x)
    if blades:
        sector = 2 * np.pi / blades
        turned = np.mod(np.arctan2(y, x) + angle, sector) - sector / 2
        distance = distance * np.cos(turned) / math.cos(sector / 2)
    return _averaged((distance <= radius).astype(np.float64))


def shake_path(length: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A hand's path during the exposure, `length` pixels across: a smooth random walk, sometimes with a halt."""
    count = 400
    speed = rng.standard_normal((count, 2)).cumsum(0) * rng.uniform(0.02, 0.2) + rng.standard_normal(2) * 2
    path = speed.cumsum(0)
    if rng.random() < 0.3:
        path = np.concatenate([path, np.repeat(path[-1:], int(count * rng.uniform(0.2, 1.0)), 0)])
    path -= path.mean(0)
    path *= length / max(np.ptp(path, axis=0).max(), 1e-9)
    side = _raster(length / 2 + 1)[0].shape[0]
    places = np.clip(np.rint(path * FINE + (side - 1) / 2).astype(int), 0, side - 1)
    kernel = np.zeros((side, side))
    np.add.at(kernel, (places[:, 0], places[:, 1]), 1.0)
    return _averaged(kernel)


def defocus(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Out of focus through an iris of five to nine blades, or a round one, all over the picture."""
    radius = scaled(image, at_severity(RADIUS, severity) * rng.uniform(0.8, 1.2))
    blades = int(pick(rng, ((0.4, 0), (0.15, 5), (0.2, 6), (0.15, 7), (0.1, 9))))
    return convolve(image, aperture(radius, blades, rng.uniform(0, 2 * np.pi)), linear_light=rng.random() < 0.7)


def defocus_by_depth(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Nothing is in focus, but what is near differs from what is far: three radii, blended by a map of depth."""
    largest = scaled(image, at_severity(RADIUS, severity) * rng.uniform(0.9, 1.3))
    shape = (image.shape[0], image.shape[1])
    small = normalised(fractal_noise(raster(shape), rng, cells=1.0, octaves=3, persistence=0.4))
    depth = enlarge(small, shape)[..., None]
    layers = [convolve(image, aperture(largest * share, 0, 0.0), linear_light=True) for share in (0.5, 0.75, 1.0)]
    near = np.clip(1 - 2 * depth, 0, 1)
    far = np.clip(2 * depth - 1, 0, 1)
    return clip01(near * layers[0] + (1 - near - far) * layers[1] + far * layers[2])


def gaussian(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """A Gaussian that is wider in one direction than in the other."""
    sigma = scaled(image, at_severity((0.9, 1.4, 2.4, 4.2, 8.0), severity))
    stretch, angle = rng.uniform(1.0, 3.0) ** 0.5, rng.uniform(0, np.pi)
    y, x = _raster(3 * sigma * stretch)
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    kernel = np.exp(-0.5 * ((along / (sigma * stretch)) ** 2 + (across * stretch / sigma) ** 2))
    return convolve(image, _averaged(kernel), linear_light=rng.random() < 0.3)


def box(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """The mean of a square or of a rectangle."""
    side = scaled(image, 2 * at_severity(RADIUS, severity) * rng.uniform(0.8, 1.1))
    high, wide = (2 * max(1, round(side * share / 2)) + 1 for share in rng.uniform(0.7, 1.2, 2))
    return convolve(image, np.ones((high, wide)))


def median(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """The median of a square, of each channel."""
    from scipy.ndimage import median_filter

    side = int(at_severity((3.0, 5.0, 7.0, 9.0, 13.0), severity))
    return median_filter(image, (side, side, 1)).astype(np.float32)


def shake(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """A hand that shook while the shutter was open."""
    length = scaled(image, at_severity((3.5, 6.0, 11.0, 20.0, 38.0), severity) * rng.uniform(0.8, 1.2))
    return convolve(image, shake_path(length, rng), linear_light=rng.random() < 0.8)


def motion(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """A straight movement, even or slowing down."""
    length = scaled(image, at_severity((3.5, 6.0, 11.0, 20.0, 38.0), severity) * rng.uniform(0.8, 1.2))
    angle = rng.uniform(0, np.pi)
    y, x = _raster(length / 2 + 1)
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    weight = 1 + rng.uniform(-0.9, 0.9) * 2 * along / length
    kernel = np.where((np.abs(along) <= length / 2) & (np.abs(across) <= 0.6), weight, 0.0)
    return convolve(image, _averaged(kernel), linear_light=rng.random() < 0.8)


def zoom(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """The lens was zoomed or the camera turned during the exposure: blur that grows towards the edges."""
    from scipy.ndimage import affine_transform

    height, width, _ = image.shape
    most = at_severity((0.015, 0.03, 0.055, 0.1, 0.18), severity)
    middle = np.array([height, width]) * rng.uniform(0.35, 0.65, 2)
    total = np.zeros_like(image)
    steps = max(9, round(most * max(height, width) / 4))
    turn = rng.random() < 0.4
    for share in np.linspace(-0.5, 0.5, steps):
        if turn:
            cosine, sine = math.cos(share * most * 2), math.sin(share * most * 2)
            matrix = np.array([[cosine, -sine], [sine, cosine]])
        else:
            matrix = np.eye(2) * (1 + share * most)
        offset = middle - matrix @ middle
        for channel in range(3):
            total[..., channel] += affine_transform(image[..., channel], matrix, offset, order=1, mode="mirror")
    return clip01(total / np.float32(steps))


def upscaled(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Reduced and enlarged again: a small picture that was blown up."""
    from PIL import Image

    factor = at_severity((1.6, 2.2, 3.2, 4.8, 7.5), severity) * rng.uniform(0.9, 1.1)
    height, width, _ = image.shape
    small = (max(8, round(width / factor)), max(8, round(height / factor)))
    up = pick(rng, ((0.3, Image.Resampling.BILINEAR), (0.5, Image.Resampling.BICUBIC), (0.2, Image.Resampling.LANCZOS)))
    planes = [Image.fromarray(np.ascontiguousarray(image[..., channel])) for channel in range(3)]
    blown_up = [plane.resize(small, Image.Resampling.BOX).resize((width, height), up) for plane in planes]
    return clip01(np.stack([np.asarray(plane, np.float32) for plane in blown_up], -1))


def moved_part(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Most of the picture moved: a large region is blurred along its way, a small rest less so."""
    blurred = motion(image, severity, rng)
    y, x = grid((image.shape[0], image.shape[1]))
    centre = rng.uniform(-0.4, 0.4, 2).astype(np.float32)
    inside = np.clip(2.5 - 2.0 * np.hypot(y - centre[0], x - centre[1]), 0, 1)[..., None]
    rest = motion(image, max(1.0, severity - 2), rng)
    return clip01(inside * blurred + (1 - inside) * rest)
