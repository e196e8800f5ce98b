"""Fixed band-pass filters beside the learnt convolutions.

What blur, noise and compression leave is told by energies that differ by factors of a thousand, in bands that a
learnt filter does not separate: a trace of its response to the slow part of a picture hides a residue of a grey level.
Derivatives of Gaussians (Young 1987; steerable: Freeman, Adelson 1991) with exactly vanishing moments do.
"""

from __future__ import annotations

from functools import cache
from math import hypot

import numpy as np
from numpy.polynomial.hermite_e import hermeval
from numpy.typing import NDArray

from distortion_heads.views.units import LUMA_PARTS

LUMA = tuple(part / 1000 for part in LUMA_PARTS)
CHROMA = ((-0.169, -0.331, 0.5), (0.5, -0.419, -0.081))
"""Y, Cb and Cr of ITU-R BT.601."""

Array = NDArray[np.float64]

BROAD_SIDE = 11
BANDS = ((0.7, 4), (1.0, 4), (1.4, 4), (1.7, 3), (1.7, 2))
"""(sigma in pixels, order): centred at sqrt(order) / (2 pi sigma), from 0.45 to 0.13 cycles a pixel."""

CHROMA_BANDS = ((0.7, 4), (1.4, 4), (1.7, 2))
DIAGONAL_BANDS = ((1.0, 4), (1.4, 4), (1.7, 2))
CROSSED = (0.7, 1.0, 1.4)

NARROW_SIDE = 17
NARROW_BANDS = ((1.2, 12), (1.55, 12), (1.9, 12), (2.35, 12))
NARROW_DIAGONAL_BANDS = ((1.4, 12), (1.7, 12), (2.1, 12), (2.6, 10))
"""A relative width of a fifth: narrow enough to find the zeros of a disk's spectrum, which a Gaussian has not."""


@cache
def analysis_banks() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Float32 (32, 3, 11, 11) and (16, 1, 17, 17), read-only. Each filter is a plane of norm 1 times a mix of colours.

    Broad bands: 20 filters on luma, along rows and columns in five bands, along both diagonals in three, d4/dx2dy2 in
    three, and one Laplacian; 6 on each colour difference, along rows and columns in three bands. Narrow bands, of luma:
    along rows and columns in four bands and along both diagonals in four.
    """
    luma = [plane for band in BANDS for plane in _upright(BROAD_SIDE, *band)]
    luma += [plane for band in DIAGONAL_BANDS for plane in _diagonal(BROAD_SIDE, *band)]
    luma += [np.outer(*[_derivative(BROAD_SIDE, sigma, 2)] * 2) for sigma in CROSSED]
    luma += [sum(_upright(BROAD_SIDE, 1.0, 2), np.zeros((BROAD_SIDE, BROAD_SIDE)))]
    colour = [plane for band in CHROMA_BANDS for plane in _upright(BROAD_SIDE, *band)]
    narrow = [plane for band in NARROW_BANDS for plane in _upright(NARROW_SIDE, *band)]
    narrow += [plane for band in NARROW_DIAGONAL_BANDS for plane in _diagonal(NARROW_SIDE, *band)]
    broad = [(LUMA, plane) for plane in luma] + [(mix, plane) for mix in CHROMA for plane in colour]
    return _bank(broad), _bank([((1.0,), plane) for plane in narrow])


def _bank(filters: list[tuple[tuple[float, ...], Array]]) -> NDArray[np.float32]:
    bank = np.stack([np.multiply.outer(np.array(mix), plane / np.linalg.norm(plane)) for mix, plane in filters])
    single = bank.astype(np.float32)
    single.flags.writeable = False
    return single


def _upright(side: int, sigma: float, order: int) -> tuple[Array, Array]:
    plane = np.outer(_derivative(side, sigma, 0), _derivative(side, sigma, order))
    return plane, plane.T


def _diagonal(side: int, sigma: float, order: int) -> tuple[Array, Array]:
    """The derivative along (1, 1) and along (1, -1); its response to any polynomial of lower degree is 0."""
    axis = np.arange(side) - side // 2
    x, y = np.meshgrid(axis, axis)
    along = (x + y) / hypot(1, 1)
    plane = _hermite(along / sigma, order) * np.exp(-0.5 * (x**2 + y**2) / sigma**2)
    powers = [x**i * y**j for i in range(order) for j in range(order - i)]
    plane = _without(plane.ravel(), [p.ravel() for p in powers], _window(x, y, sigma).ravel()).reshape(side, side)
    return plane, plane[:, ::-1]


def _derivative(side: int, sigma: float, order: int) -> Array:
    """A sampled derivative of a Gaussian, `side` taps, with vanishing moments below `order`."""
    axis = np.arange(side) - side // 2
    taps = _hermite(axis / sigma, order) * np.exp(-0.5 * (axis / sigma) ** 2)
    if order == 0:
        smooth: Array = taps / taps.sum()
        return smooth
    return _without(taps, [axis**i for i in range(order)], _window(axis, 0 * axis, sigma))


def _window(x: NDArray[np.int64], y: NDArray[np.int64], sigma: float) -> Array:
    """Return where a correction may be put: under a Gaussian a little wider than the filter."""
    window: Array = np.exp(-0.5 * (x**2 + y**2) / (1.3 * sigma) ** 2)
    return window


def _hermite(u: Array, order: int) -> Array:
    return np.asarray(hermeval(u, [0.0] * order + [1.0]), np.float64)


def _without(taps: Array, moments: list[NDArray[np.int64]], window: Array) -> Array:
    """Add the smallest windowed correction after which every moment vanishes."""
    m = np.stack([moment / np.abs(moment).max() for moment in moments])
    correction = window * (m.T @ np.linalg.lstsq((m * window) @ m.T, m @ taps, rcond=None)[0])
    clean: Array = taps - correction
    return clean
