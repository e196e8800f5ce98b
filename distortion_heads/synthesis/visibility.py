"""How much of a distortion can be seen: the picture with it against the same picture without it."""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from distortion_heads.synthesis.tone import LUMA

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

UNCHANGED, WORST = 4.6, 1.3
"""Mean opinion of an unchanged picture, and of the worst, in KADID-10k (1 very annoying to 5 imperceptible)."""

STRUCTURE, COLOUR, LIGHT = (0.95, 0.02), (0.31, 0.01), (0.14, 0.03)
"""Weight w and scale s of each difference d: opinions fall by about the sum of w ln(1 + d / s).

Fitted to the mean opinions of 23 of KADID-10k's types at five levels (SROCC .90), d being means over nine pictures.
"""


SEEN = 0.4
"""From what loss of opinion on a fault counts as seen; families of tone need more, for scenes differ in it too."""

SEEN_TONE = {"exposure": 0.7, "light": 0.6, "atmosphere": 0.6, "color": 0.6}


def seen_from(family: str) -> float:
    """Return the loss of opinion from which a fault of the family counts as seen."""
    return SEEN_TONE.get(family, SEEN)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Differences of two pictures in [0, 1]: GMSD of the luma, mean absolute ones of colour and of luma."""

    structure: float
    colour: float
    light: float

    @property
    def loss(self) -> float:
        """Return by how much people's mean opinion falls, from 0 (imperceptible) to about 3.3."""
        parts = ((self.structure, STRUCTURE), (self.colour, COLOUR), (self.light, LIGHT))
        return sum(weight * log1p(value / scale) for value, (weight, scale) in parts)


def severity_of(loss: float) -> float:
    """Return a loss of opinion on the scale of severities, 1 (imperceptible) to 5 (very annoying)."""
    return min(1 + 4 * loss / (UNCHANGED - WORST), 5.0)


def difference(image: FloatImage, other: FloatImage) -> Difference:
    """Compare two float32 HWC pictures in [0, 1] of one shape."""
    luma, without = image @ LUMA, other @ LUMA
    colour = np.abs((image - luma[..., None]) - (other - without[..., None])).mean()
    return Difference(structure=gmsd(luma, without), colour=float(colour), light=float(np.abs(luma - without).mean()))


def gmsd(luma: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the GMSD (Xue et al. 2014) of two lumas (H, W) in [0, 1]: 0 where they are equal."""
    magnitude, without = _gradient(luma), _gradient(other)
    constant = np.float32(170 / 255**2)
    similarity = (2 * magnitude * without + constant) / (magnitude**2 + without**2 + constant)
    return float(similarity.std())


def _gradient(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the magnitude of Prewitt's gradient of the luma reduced by 2."""
    height, width = luma.shape[0] // 2 * 2, luma.shape[1] // 2 * 2
    small = luma[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    across, down = small[:, 2:] - small[:, :-2], small[2:] - small[:-2]
    x = (across[:-2] + across[1:-1] + across[2:]) / 3
    y = (down[:, :-2] + down[:, 1:-1] + down[:, 2:]) / 3
    magnitude: NDArray[np.float32] = np.hypot(x, y)
    return magnitude
