from __future__ import annotations

import numpy as np
import pytest

from dheads_plugins._lab import lab_to_rgb, rgb_to_lab

# Published values of the sRGB primaries under D65, rounded to 0.01.
KNOWN = [
    ((0, 0, 0), (0, 0, 0)),
    ((1, 1, 1), (100, 0, 0)),
    ((1, 0, 0), (53.24, 80.09, 67.20)),
    ((0, 1, 0), (87.73, -86.18, 83.18)),
    ((0, 0, 1), (32.30, 79.19, -107.86)),
    ((119 / 255, 119 / 255, 119 / 255), (50.03, 0, 0)),
]


@pytest.mark.parametrize(("rgb", "lab"), KNOWN)
def test_known_colors(rgb: tuple[float, ...], lab: tuple[float, ...]) -> None:
    np.testing.assert_allclose(rgb_to_lab(np.array([[rgb]], np.float32))[0, 0], lab, atol=0.02)


def test_there_and_back_is_exact_to_a_thousandth_of_a_level() -> None:
    image = np.random.default_rng(3).random((40, 50, 3), dtype=np.float32)
    image[0, 0] = 0.02  # the linear part of both curves
    lab = rgb_to_lab(image)
    assert lab.dtype == np.float32
    np.testing.assert_allclose(lab_to_rgb(lab), image, atol=1e-5)


def test_greys_have_no_chroma() -> None:
    ramp = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[:, None], 3, 1)[None]
    assert np.abs(rgb_to_lab(ramp)[..., 1:]).max() < 1e-3


def test_colors_outside_the_gamut_are_clipped() -> None:
    rgb = lab_to_rgb(np.array([[[50, 200, 0], [90, -300, 200], [10, 0, -300]]], np.float32))
    assert rgb.min() == 0
    assert rgb.max() == pytest.approx(1)
