"""Fast classical denoisers for Gaussian noise of a known standard deviation.

Each takes float32 planes (channel, height, width), the noise's deviation `sigma` and a generator that settles how it is
made (window, shrinkage rule), and returns new planes of that shape. Edges are reflected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

# Deviation of each detail level of unit white noise in the a-trous transform with the kernel (1 2 1)/4.
ATROUS_DEVIATIONS = (0.800, 0.273, 0.120, 0.0578)


def wavelet(planes: FloatImage, sigma: float, rng: np.random.Generator) -> FloatImage:
    """Shrink a-trous wavelet details: locally adaptive Wiener gain mostly, else soft threshold."""
    adaptive = rng.random() < 0.7
    strength = rng.uniform(1.1, 2.0) if adaptive else rng.uniform(1.5, 2.5)
    coarse, clean = planes, np.zeros_like(planes)
    for level, deviation in enumerate(ATROUS_DEVIATIONS):
        smooth = _smooth(coarse, 1 << level)
        detail = coarse - smooth
        noise = np.float32(sigma * deviation * strength)
        if adaptive:
            energy = _smooth(_smooth(detail * detail, 1), 1 << level)
            detail *= np.maximum(np.float32(0.0), 1 - noise**2 / np.maximum(energy, np.float32(1e-9)))
        else:
            detail -= np.clip(detail, -noise, noise)
        clean += detail
        coarse = smooth
    clean += coarse
    return clean


def cosine(planes: FloatImage, sigma: float, rng: np.random.Generator) -> FloatImage:
    """Hard-threshold the cosine transform of 8x8 blocks, averaged over shifts of the grid (Yu, Sapiro 2011)."""
    from scipy.fft import dct

    transform = dct(np.eye(8), axis=0, norm="ortho").astype(np.float32)
    threshold = np.float32(sigma * rng.uniform(2.2, 3.2))
    _, height, width = planes.shape
    padded = np.pad(planes, ((0, 0), (8, 8 + -height % 8), (8, 8 + -width % 8)), mode="symmetric")
    total = np.zeros_like(planes)
    first = int(rng.integers(0, 4))
    for y, x in ((first, 1), (first + 2, 5), (first + 4, 3), (first + 1, 7)):
        view = padded[:, y : y + height + -height % 8 + 8, x : x + width + -width % 8 + 8]
        total += _threshold_blocks(view, transform, threshold)[:, 8 - y : 8 - y + height, 8 - x : 8 - x + width]
    return total / np.float32(4)


def _threshold_blocks(planes: FloatImage, transform: FloatImage, threshold: np.float32) -> FloatImage:
    """Zero the coefficients of 8x8 blocks below `threshold`, but never the mean; sizes are multiples of 8."""
    channels, height, width = planes.shape
    strips = transform @ planes.reshape(channels, height // 8, 8, width)
    blocks = (strips.reshape(-1, 8) @ transform.T).reshape(channels, height // 8, 8, width // 8, 8)
    means = blocks[:, :, 0, :, 0].copy()
    blocks *= np.abs(blocks) >= threshold
    blocks[:, :, 0, :, 0] = means
    strips = (blocks.reshape(-1, 8) @ transform).reshape(strips.shape)
    return np.asarray((transform.T @ strips).reshape(planes.shape), np.float32)


def guided(planes: FloatImage, sigma: float, rng: np.random.Generator) -> FloatImage:
    """Local linear model of the picture: guided filter (He et al. 2013) or, not averaged, Lee's Wiener filter."""
    size = 2 * int(rng.integers(2, 5)) + 1
    mean = _box(planes, size)
    variance = np.maximum(_box(planes * planes, size) - mean * mean, np.float32(0.0))
    noise = np.float32((sigma * rng.uniform(1.0, 1.5)) ** 2)
    gain = np.asarray(np.maximum(variance - noise, np.float32(0.0)) / np.maximum(variance, noise), np.float32)
    offset = mean - gain * mean
    if rng.random() < 0.5:
        gain, offset = _box(gain, 5), _box(offset, 5)
    return gain * planes + offset


def bilateral(planes: FloatImage, sigma: float, rng: np.random.Generator) -> FloatImage:
    """Average pixels whose smoothed surroundings are alike: bilateral filter on a guide, close to non-local means."""
    reach, step = ((2, 1), (2, 2), (3, 1))[int(rng.integers(3))]
    guide = _smooth(_smooth(planes, 1), 1 if rng.random() < 0.5 else 2)
    bandwidth = np.float32(1.0 / (len(planes) * (sigma * rng.uniform(0.4, 0.7)) ** 2))
    total, weights = planes.copy(), np.ones(planes.shape[1:], np.float32)
    for dy, dx in _half_window(reach, step):
        _accumulate(total, weights, planes, guide, (dy, dx), bandwidth)
    total /= weights
    return total


def _half_window(reach: int, step: int) -> list[tuple[int, int]]:
    """One of each pair of opposite offsets in a square window, centre left out."""
    offsets = range(-reach * step, reach * step + 1, step)
    return [(dy, dx) for dy in offsets for dx in offsets if (dy, dx) > (0, 0)]


def _accumulate(
    total: FloatImage,
    weights: FloatImage,
    planes: FloatImage,
    guide: FloatImage,
    offset: tuple[int, int],
    bandwidth: np.float32,
) -> None:
    """Add each pixel, weighted, to the one `offset` away and the other way round."""
    here, there = _overlap(offset, planes.shape[1:])
    difference = guide[:, *here] - guide[:, *there]
    distance = np.einsum("chw,chw->hw", difference, difference)
    weight = np.exp(distance * -bandwidth)
    weights[here] += weight
    weights[there] += weight
    total[:, *here] += weight * planes[:, *there]
    total[:, *there] += weight * planes[:, *here]


def _overlap(offset: tuple[int, int], shape: tuple[int, ...]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return where a picture overlaps itself displaced by `offset`: slices of the pixels and of their partners."""
    (dy, dx), (height, width) = offset, shape
    here = slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx))
    there = slice(max(0, dy), height - max(0, -dy)), slice(max(0, dx), width - max(0, -dx))
    return here, there


def median(planes: FloatImage, sigma: float, rng: np.random.Generator) -> FloatImage:
    """Medians of 3 along rows and columns, twice or three times over, mostly followed by a slight blur."""
    for _ in range(2 if sigma < 0.2 else 3):
        for axis in (1, 2):
            before, here, after = _neighbours(planes, 1, axis)
            low, high = np.minimum(before, here), np.maximum(before, here)
            planes = np.maximum(low, np.minimum(high, after))
    return gaussian(planes, 0.5 * sigma, rng) if rng.random() < 0.6 else planes


def gaussian(planes: FloatImage, sigma: float, rng: np.random.Generator) -> FloatImage:
    """Plain blur, 0.8 to 2 pixels wide, more for more noise."""
    from scipy.ndimage import gaussian_filter

    width = min(2.0, 0.6 + 4.0 * sigma) * rng.uniform(0.8, 1.2)
    return np.asarray(gaussian_filter(planes, (0, width, width), mode="reflect", truncate=3.0), np.float32)


def _smooth(planes: FloatImage, step: int) -> FloatImage:
    """Blur with (1 2 1)/4 along rows and columns, taps `step` apart."""
    for axis in (1, 2):
        before, here, after = _neighbours(planes, step, axis)
        planes = before + after
        planes += here
        planes += here
        planes *= np.float32(0.25)
    return planes


def _neighbours(planes: FloatImage, step: int, axis: int) -> list[NDArray[np.float32]]:
    """The planes displaced by -step, 0 and +step along `axis`."""
    pad = [(0, 0)] * 3
    pad[axis] = (step, step)
    padded = np.pad(planes, pad, mode="reflect")
    size = planes.shape[axis]
    index: list[slice] = [slice(None)] * 3
    shifted = []
    for start in (0, step, 2 * step):
        index[axis] = slice(start, start + size)
        shifted.append(padded[tuple(index)])
    return shifted


def _box(planes: FloatImage, size: int) -> FloatImage:
    from scipy.ndimage import uniform_filter

    return np.asarray(uniform_filter(planes, (0, size, size), mode="reflect"), np.float32)
