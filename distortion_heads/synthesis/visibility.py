"""How much of a distortion can be seen: the picture with it against the same picture without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from distortion_heads.spec import FloatImage

LUMA = np.array([0.299, 0.587, 0.114], np.float32)

STRUCTURE, COLOUR, LIGHT = 0.045, 0.02, 0.05
"""Differences from which on people see a change beside another picture: about those of KADID-10k's level 2 (mean
opinion 4.2 and less of 4.6)."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What tells two pictures apart: GMSD of the luma, and mean absolute differences of colour and of luma, in [0, 1]."""

    structure: float
    colour: float
    light: float

    @property
    def visible(self) -> float:
        """Return the largest as a multiple of what people see: 1 is just visible."""
        return max(self.structure / STRUCTURE, self.colour / COLOUR, self.light / LIGHT)


def difference(image: FloatImage, other: FloatImage) -> Difference:
    """Compare two float32 HWC pictures in [0, 1] of one shape."""
    luma, without = image @ LUMA, other @ LUMA
    colour = np.abs((image - luma[..., None]) - (other - without[..., None])).mean()
    return Difference(structure=gmsd(luma, without), colour=float(colour), light=float(np.abs(luma - without).mean()))


def gmsd(luma: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the gradient magnitude similarity deviation of two lumas (H, W) in [0, 1] (Xue et al. 2014): 0 is equal."""
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
    return np.hypot(x, y)
