"""The map of where two pictures differ."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from distortion_heads.reports.difference import difference_map, draw_difference
from helpers.little_pictures import scene


def test_difference_in_grey_levels() -> None:
    reference = np.full((20, 30, 3), 100, np.uint8)
    distorted = reference.copy()
    distorted[:, 15:] = 140
    found = difference_map(reference, distorted)
    assert found[10, 5] == 0
    assert found[10, 25] == pytest.approx(40)
    one_channel = reference.copy()
    one_channel[..., 2] = 130
    assert difference_map(reference, one_channel)[10, 10] == pytest.approx(30 / np.sqrt(3))


@pytest.mark.parametrize("shape", [(40, 60), (300, 20), (20, 2000)])
def test_picture_shows_the_place(shape: tuple[int, int]) -> None:
    pytest.importorskip("matplotlib")
    reference = np.asarray(Image.fromarray(scene(1, 64)).resize(shape[::-1]))
    distorted = reference.copy()
    distorted[: shape[0] // 2] = 255 - distorted[: shape[0] // 2]
    data = draw_difference(reference, distorted, "PSNR 3")
    assert data == draw_difference(reference, distorted, "PSNR 3")
    drawn = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert min(drawn.shape[:2]) > 100
    assert max(drawn.shape[:2]) < 2000
    assert (drawn == (0, 0, 3)).all(2).sum() > 100, "the lower half of the map is where nothing differs"


def test_a_strip_that_is_reduced_to_one_row_is_drawn() -> None:
    pytest.importorskip("matplotlib")
    reference = np.zeros((12, 11_000, 3), np.uint8)
    drawn = Image.open(io.BytesIO(draw_difference(reference, reference + 9, "PSNR 29")))
    assert drawn.width < 2000
    assert 100 < drawn.height < 500
