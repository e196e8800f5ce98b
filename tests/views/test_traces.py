"""What faults leave between neighbours and among colours: what is counted, and that every picture has it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from distortion_heads.spec import TRACES
from distortion_heads.views.traces import SATURATIONS, STEPS, TOPS, colours, lines, traces
from helpers import REPOSITORY

CLEAN = REPOSITORY / "examples" / "kitten_clean.jpg"


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    """A clean example, uint8 (H, W, 3)."""
    return np.asarray(Image.open(CLEAN).convert("RGB"))


@pytest.mark.parametrize("shape", [(1, 1), (47, 300), (48, 48), (300, 60), (64, 5000), (1500, 1400)])
def test_pictures_of_every_shape_have_them(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    values = traces(pixels)
    assert values.shape == (TRACES,)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    assert np.abs(traces(np.zeros((*shape, 3), np.uint8))).max() <= 10


def test_a_median_leaves_equal_neighbours(photograph: np.ndarray) -> None:
    smoothed = np.asarray(Image.fromarray(photograph).filter(ImageFilter.MedianFilter(5)))
    equal = len(colours(np.zeros((1, 3), np.int32)))  # where the share of equal neighbours lies
    assert traces(smoothed)[equal] > traces(photograph)[equal] + 0.2


def test_noise_leaves_few_equal_neighbours(photograph: np.ndarray) -> None:
    noise = np.random.default_rng(0).normal(0, 12, photograph.shape)
    noisy = np.clip(np.rint(photograph + noise), 0, 255).astype(np.uint8)
    equal = len(colours(np.zeros((1, 3), np.int32)))
    assert traces(noisy)[equal] < traces(photograph)[equal] - 0.2


def test_a_line_stands_out() -> None:
    profile = np.full((1, 300), 4.0)
    profile[0, 100] = 14.0
    found = lines(profile)
    assert found[0] == pytest.approx(2.0)
    assert found.shape == (len(TOPS),)
    assert (found[1:] <= 0).all()


def test_a_lost_block_is_a_line(photograph: np.ndarray) -> None:
    broken = photograph.copy()
    broken[100:220, 200:320] = 255 - broken[100:220, 200:320]
    ours = slice(len(colours(np.zeros((1, 3), np.int32))) + 2 * len(STEPS), None)
    assert traces(broken)[ours][: 2 * len(TOPS)].max() > traces(photograph)[ours][: 2 * len(TOPS)].max() + 0.3


def test_a_picture_without_colour_has_no_saturation(photograph: np.ndarray) -> None:
    grey = np.asarray(Image.fromarray(photograph).convert("L").convert("RGB"))
    shares = traces(grey)[:SATURATIONS]
    assert shares.argmax() == 0
    assert (shares[1:] == shares[1]).all()


def test_hues_turn_with_the_channels() -> None:
    red, green, blue = (np.eye(3, dtype=np.int32)[[i]] * 200 for i in range(3))
    first = SATURATIONS + 64
    hues = [int(colours(one)[first : first + 24].argmax()) for one in (red, green, blue)]
    assert hues == [0, 8, 16]


def test_what_lies_outside_is_not_counted(photograph: np.ndarray) -> None:
    height, width = photograph.shape[:2]
    inside = np.zeros((height, width), bool)
    inside[40 : height - 40, 60 : width - 60] = True
    one, other = photograph.copy(), photograph.copy()
    one[~inside] = 0
    other[~inside] = np.random.default_rng(1).integers(0, 256, other[~inside].shape)
    assert np.array_equal(traces(one, inside), traces(other, inside))
