"""Pictures for the physics tests of the distortions."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def impulse() -> NDArray[np.float32]:
    """A single white pixel in the middle of 129x129 black ones: its image is the point-spread function."""
    image = np.zeros((129, 129, 3), np.float32)
    image[64, 64] = 1.0
    return image


@pytest.fixture
def flat() -> NDArray[np.float32]:
    """Mid-grey, 256x256."""
    return np.full((256, 256, 3), 0.5, np.float32)


@pytest.fixture
def scene() -> NDArray[np.float32]:
    """A smooth coloured scene with edges and fine texture, 192x256, in [0, 1]."""
    generator = np.random.default_rng(11)
    y, x = np.mgrid[0:192, 0:256].astype(np.float32)
    base = np.stack([0.5 + 0.35 * np.sin(x / 23), 0.5 + 0.35 * np.cos(y / 17), 0.5 + 0.3 * np.sin((x + y) / 31)], -1)
    base[40:110, 60:140] = (0.85, 0.25, 0.2)
    base[90:160, 150:230] = (0.15, 0.45, 0.8)
    texture = 0.06 * generator.standard_normal((192, 256, 1))
    return np.clip(base + texture, 0, 1).astype(np.float32)
