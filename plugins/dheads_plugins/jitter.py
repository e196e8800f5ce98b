"""Jitter, KADID-10k type 19: every pixel is fetched from a random place nearby; 0.05, 0.1, 0.2, 0.5, 1 pixel.

As in the database's code, that is done five times over, each time with independent Gaussian displacements of that
standard deviation and bilinear interpolation. Interpolation averages away part of the earlier passes' displacements, so
that the total's deviation is less than sqrt(5) times larger; a single pass is given that total, as measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dheads_plugins._bundled import bundled
from dheads_plugins._noise import gaussian
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.levels import at_severity

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

AMOUNT = (0.05, 0.1, 0.2, 0.5, 1.0)
SPREAD = (0.097, 0.176, 0.310, 0.703, 1.373)
PASSES = 5


def parameters(severity: float) -> Mapping[str, float]:
    """Standard deviation of the displacement in pixels: of one of five passes, and of their total."""
    return {"amount": at_severity(AMOUNT, severity, log=True), "spread": at_severity(SPREAD, severity, log=True)}


def synthesize(image: FloatImage, severity: float, rng: np.random.Generator) -> FloatImage:
    """Displace the pixels: five passes mostly, else one, Gaussian or uniform, in whole pixels at times."""
    height, width, _ = image.shape
    planes = np.ascontiguousarray(image.transpose(2, 0, 1)).reshape(3, -1)
    amount, spread = (np.float32(value) for value in parameters(severity).values())
    kind = rng.random()
    if kind < 0.6:
        for _ in range(PASSES):
            planes = _fetch(planes, amount * gaussian(rng, (2, height, width)))
    else:
        if kind < 0.8:
            moves = spread * gaussian(rng, (2, height, width))
        else:
            moves = spread * np.float32(12**0.5) * (rng.random((2, height, width), dtype=np.float32) - np.float32(0.5))
        # Rounded to whole pixels, smaller moves would hardly ever be other than none.
        planes = _fetch(planes, np.rint(moves) if spread > 0.7 and rng.random() < 0.5 else moves)
    np.clip(planes, 0.0, 1.0, out=planes)  # against rounding
    return np.ascontiguousarray(planes.reshape(3, height, width).transpose(1, 2, 0))


def _fetch(planes: FloatImage, moves: FloatImage) -> FloatImage:
    """Sample `planes` (3, H*W) bilinearly at each pixel's place plus `moves` (2, H, W: down, right), edges repeated."""
    _, height, width = moves.shape
    y = np.clip(np.arange(height, dtype=np.float32)[:, None] + moves[0], 0.0, height - 1.0)
    x = np.clip(np.arange(width, dtype=np.float32) + moves[1], 0.0, width - 1.0)
    top = np.minimum(y.astype(np.intp), height - 2)
    left = np.minimum(x.astype(np.intp), width - 2)
    corner = (top * width + left).ravel()
    down, right = (y - top).astype(np.float32).ravel(), (x - left).astype(np.float32).ravel()
    fetched = np.empty_like(planes)
    for plane, out in zip(planes, fetched, strict=True):
        upper = _between(plane.take(corner), plane[1:].take(corner), right)
        lower = _between(plane[width:].take(corner), plane[width + 1 :].take(corner), right)
        out[:] = _between(upper, lower, down)
    return fetched


def _between(a: FloatImage, b: FloatImage, fraction: FloatImage) -> FloatImage:
    """(1 - fraction) a + fraction b, written over `b`."""
    b -= a
    b *= fraction
    b += a
    return b


HEAD = HeadSpec(
    label="jitter",
    title="Jitter",
    family="spatial",
    description="Every pixel displaced at random by a pixel or less: frayed edges, as through frosted glass.",
    weights=bundled("jitter"),
    synthesize=synthesize,
    parameters=parameters,
    source="KADID-10k type 19 (Lin, Hosu, Saupe 2019)",
)
