"""Where light drifts: one direction or centre that all parts of a picture agree on, wherever it is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.spec import DRIFT
from distortion_heads.views.drift import LIMITS, PARTS, UNIT, agreement, drift, slopes
from helpers import REPOSITORY

CLEAN = REPOSITORY / "examples" / "kitten_clean.jpg"
EACH = DRIFT // len(LIMITS)
ALONG, AWAY_LEAST, FROM_MIDDLE = 0, EACH - 12, EACH - 6
"""Places, among those of a limit, of the mean slope: of the best direction, the least centre, the middle."""


@pytest.fixture(scope="module")
def photograph() -> NDArray[np.float64]:
    """A clean example, reduced: float64 (H, W, 3)."""
    picture = Image.open(CLEAN).convert("RGB")
    return np.asarray(picture.resize((192, 128), Image.Resampling.BOX), np.float64)


def lit(picture: NDArray[np.float64], light: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.rint(picture * light[..., np.newaxis]), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(1, 1), (5, 400), (31, 33), (128, 128), (128, 191), (400, 128)])
def test_pictures_of_every_shape_have_it(shape: tuple[int, int]) -> None:
    values = drift(np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8))
    assert values.shape == (DRIFT,)
    assert np.isfinite(values).all()
    assert not drift(np.full((*shape, 3), 90, np.uint8)).any()


@pytest.mark.parametrize("angle", [0.0, 0.9, 2.2, 3.1, 4.4, 5.5])
def test_light_from_any_side_is_a_drift_along_it(photograph: NDArray[np.float64], angle: float) -> None:
    down, right = np.mgrid[0:1:128j, 0:1:192j] - 0.5
    ramp = 0.6 + 0.4 * (down * np.sin(angle) + right * np.cos(angle)) / 0.7
    even = drift(lit(photograph, np.full_like(ramp, 0.6)))
    assert drift(lit(photograph, ramp))[ALONG] > even[ALONG] + 0.5


@pytest.mark.parametrize("centre", [(0.0, 0.0), (-0.3, 0.3), (0.3, -0.3)])
def test_a_spot_anywhere_is_a_drift_towards_its_centre(
    photograph: NDArray[np.float64], centre: tuple[float, float]
) -> None:
    down, right = np.mgrid[0:1:128j, 0:1:192j] - 0.5
    spot = np.exp(-2 * ((down - centre[0]) ** 2 + (right - centre[1]) ** 2))
    even = drift(lit(photograph, np.full_like(spot, spot.mean())))
    assert drift(lit(photograph, spot))[AWAY_LEAST] < even[AWAY_LEAST] - 0.4


def test_lost_corners_are_a_drift_towards_the_middle(photograph: NDArray[np.float64]) -> None:
    down, right = np.mgrid[0:1:128j, 0:1:192j] - 0.5
    lens = 1 - 1.2 * (down**2 + right**2)
    assert drift(lit(photograph, lens))[FROM_MIDDLE] < drift(lit(photograph, np.ones_like(lens)))[FROM_MIDDLE] - 0.5


def test_an_edge_counts_no_more_than_the_limit() -> None:
    steps = np.zeros((60, 60), np.int16)
    steps[:, 30] = 31
    assert slopes(steps, 31).reshape(PARTS, PARTS)[0].tolist() == [0, 0, 0, round(UNIT / 10), 0, 0]


def test_parts_that_go_either_way_do_not_agree() -> None:
    everywhere = np.full((PARTS**2, 2), (0, UNIT), np.int64)
    either = everywhere * np.where(np.arange(PARTS**2) % 2, 1, -1)[:, np.newaxis]
    assert agreement(everywhere)[ALONG] == 64 * UNIT
    assert agreement(either)[ALONG] == 0
