"""Lens blur and motion blur: the moments and shape of their point-spread functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_plugins import lens_blur, motion_blur
from dheads_plugins._convolve import convolve

if TYPE_CHECKING:
    from distortion_heads.spec import Synthesizer

Kernel = NDArray[np.float64]
CONTRAST = 0.02


def point_spread(synthesize: Synthesizer, severity: float, seed: int) -> Kernel:
    """Response to a faint point on grey: so faint that blurring code values or intensities gives the same."""
    image = np.full((65, 65, 3), 0.5, np.float32)
    image[32, 32] += CONTRAST
    spread = synthesize(image, severity, np.random.default_rng(seed))[..., 1].astype(np.float64)
    return (spread - spread[0, 0]) / CONTRAST


def moments(kernel: Kernel) -> tuple[float, float, float]:
    """Deviations along the major and minor axis in pixels, and the major axis' angle in degrees in [0, 180)."""
    reach = kernel.shape[0] // 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    covariance = np.cov(np.stack([x, y]), aweights=np.clip(kernel, 0, None).ravel(), ddof=0)
    variances, axes = np.linalg.eigh(covariance)
    minor, major = np.sqrt(np.clip(variances, 0, None))
    return float(major), float(minor), math.degrees(math.atan2(axes[1, 1], axes[0, 1])) % 180


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("severity", "radius"), [(2, 2), (3, 4), (5, 8)])
def test_defocus_spreads_a_point_over_a_disk(severity: float, radius: float, seed: int) -> None:
    spread = point_spread(lens_blur.synthesize, severity, seed)
    major, minor, _ = moments(np.where(spread > 3e-4, spread, 0))
    assert spread.sum() == pytest.approx(1, abs=0.03)
    assert major == pytest.approx(radius / 2, rel=0.1), "a disk of radius r has the deviation r / 2 along each axis"
    assert minor == pytest.approx(major, rel=0.05)
    assert spread[32, 32] == pytest.approx(1 / (math.pi * radius**2), rel=0.15), "flat-topped, of the disk's area"
    reach = math.ceil(1.25 * radius + 1)
    assert np.abs(np.delete(spread, np.s_[32 - reach : 33 + reach], axis=0)).max() < 3e-4


def test_disk_pixels_hold_the_area_that_they_share_with_the_circle() -> None:
    disk = lens_blur.aperture(2.0, subsamples=32)
    assert disk.sum() == pytest.approx(math.pi * 4, rel=0.005)
    middle = disk[disk.shape[0] // 2]
    assert middle[len(middle) // 2 + 1] == 1
    assert 0.4 < middle[len(middle) // 2 + 2] < 0.5, "the circle crosses this pixel in its middle"


@pytest.mark.parametrize("blades", [5, 6, 8])
def test_polygon_has_the_disks_area_and_its_own_corners(blades: int) -> None:
    polygon = lens_blur.aperture(20.0, blades=blades)
    assert polygon.sum() == pytest.approx(math.pi * 400, rel=0.005)
    y, x = np.nonzero(polygon > 0.05)
    middle = polygon.shape[0] // 2
    corner = 20 * math.sqrt(2 * math.pi / (blades * math.sin(2 * math.pi / blades)))
    assert np.hypot(x - middle, y - middle).max() == pytest.approx(corner, abs=0.8)


@pytest.mark.parametrize("length", [1.5, 2.0, 4.0, 6.0, 10.0])
@pytest.mark.parametrize("degrees", [0, 45, 90, 135])
@pytest.mark.parametrize("shape", [motion_blur.line, motion_blur.raster, motion_blur.path])
def test_motion_has_its_length_and_direction(
    shape: Callable[[float, float], Kernel], degrees: float, length: float
) -> None:
    major, minor, direction = moments(shape(length, math.radians(degrees)))
    assert major == pytest.approx(math.sqrt(length**2 / 12 + 1 / 6), abs=0.25), "an even line, drawn on pixels"
    assert minor < 0.5
    if length > 2:
        assert abs((direction - degrees + 90) % 180 - 90) < 3


@pytest.mark.parametrize("degrees", [10, 27, 70, 160])
@pytest.mark.parametrize("shape", [motion_blur.line, motion_blur.raster, motion_blur.path])
def test_motion_takes_any_angle(shape: Callable[[float, float], Kernel], degrees: float) -> None:
    major, minor, direction = moments(shape(10.0, math.radians(degrees)))
    assert abs((direction - degrees + 90) % 180 - 90) < 5
    assert major > 5 * minor


def test_horizontal_lines_of_all_programs_agree() -> None:
    row = np.array([0.5, 1, 1, 1, 0.5]) / 4
    for kernel in (motion_blur.line(4.0, 0.0), motion_blur.raster(4.0, 0.0)):
        middle = kernel[kernel.shape[0] // 2]
        np.testing.assert_allclose(np.trim_zeros(middle / kernel.sum()), row, atol=1e-12)


def test_a_shaken_path_bends_but_spreads_as_far() -> None:
    straight = moments(motion_blur.path(10.0, 0.3))
    bent = moments(motion_blur.path(10.0, 0.3, turn=1.0, decay=2.0))
    assert bent[0] == pytest.approx(straight[0], rel=0.05)
    assert bent[1] > 1.2 * straight[1]


@pytest.mark.parametrize("seed", range(12))
def test_motion_spreads_a_point_along_one_direction(seed: int) -> None:
    spread = point_spread(motion_blur.synthesize, 5, seed)
    major, minor, _ = moments(np.where(spread > 1e-3, spread, 0))
    assert spread.sum() == pytest.approx(1, abs=0.03)
    assert major == pytest.approx(10 / math.sqrt(12), rel=0.12)
    assert minor < 0.8


@pytest.mark.parametrize("synthesize", [lens_blur.synthesize, motion_blur.synthesize])
def test_more_severe_is_more_blurred_and_the_least_is_visible(
    synthesize: Synthesizer, scene: NDArray[np.float32]
) -> None:
    errors = [
        np.mean([np.square(synthesize(scene, s, np.random.default_rng(seed)) - scene).mean() for seed in range(4)])
        for s in np.linspace(1, 5, 7)
    ]
    assert np.all(np.diff(errors) > 0)
    assert errors[0] > (2 / 255) ** 2


@pytest.mark.parametrize("synthesize", [lens_blur.synthesize, motion_blur.synthesize])
def test_shape_of_the_blur_varies(synthesize: Synthesizer) -> None:
    spreads = [point_spread(synthesize, 4, seed).round(4) for seed in range(10)]
    assert len({spread.tobytes() for spread in spreads}) > 2


def test_parameters_are_kadids_but_for_the_identity() -> None:
    assert [lens_blur.parameters(s)["radius"] for s in (1, 2, 3, 4, 5)] == [1, 2, 4, 6, 8]
    assert [motion_blur.parameters(s)["length"] for s in (1, 2, 3, 4, 5)] == [1.5, 2, 4, 6, 10]


@pytest.mark.parametrize("shape", [(40, 33), (32, 71)])
def test_convolution_is_scipys_with_mirrored_borders(shape: tuple[int, int], rng: np.random.Generator) -> None:
    from scipy.ndimage import convolve as direct

    image = rng.random((*shape, 3), dtype=np.float32)
    kernel = rng.random((7, 11))
    expected = np.stack([direct(image[..., c], kernel / kernel.sum(), mode="reflect") for c in range(3)], -1)
    np.testing.assert_allclose(convolve(image, kernel), expected, atol=2e-6)


def test_linear_light_keeps_highlights_brighter(impulse: NDArray[np.float32]) -> None:
    kernel = lens_blur.aperture(4.0)
    bokeh, dull = convolve(impulse, kernel, linear_light=True), convolve(impulse, kernel)
    np.testing.assert_allclose(np.square(bokeh).sum((0, 1)), 1, rtol=1e-3)
    assert bokeh[64, 64, 0] > 4 * dull[64, 64, 0]
