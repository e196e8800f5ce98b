"""Statistics of natural scenes on noise whose distribution is known, and on pictures that are distorted."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.errors import InputError
from distortion_heads.metrics.blind.gradient import gradient_sharpness
from distortion_heads.metrics.blind.natural_scenes import brisque_features, normalized, scene_statistics
from distortion_heads.metrics.blind.naturalness import learn_naturalness, shipped_naturalness, unnaturalness
from helpers import REPOSITORY
from helpers.little_pictures import noisy, scene


@pytest.mark.parametrize(("shape", "name"), [(2.0, "normal"), (1.0, "laplace")])
def test_shape_of_known_noise(shape: float, name: str, rng: np.random.Generator) -> None:
    values = getattr(rng, name)(0, 3, (500, 500))
    numbers = scene_statistics(values)
    assert numbers.shape == (18,)
    assert numbers[0] == pytest.approx(shape, rel=0.03)
    assert numbers[1] == pytest.approx(9 * (1 if shape == 2 else 2), rel=0.03)
    for left, right in numbers[2:].reshape(4, 4)[:, 2:]:
        assert left == pytest.approx(right, rel=0.06), "products of independent values lean to no side"


def test_products_of_neighbours_lean_where_they_are_alike(rng: np.random.Generator) -> None:
    along = np.repeat(rng.normal(size=(300, 1)), 300, axis=1)
    horizontal, vertical = scene_statistics(along)[2:].reshape(4, 4)[:2]
    assert horizontal[1] > 0.5
    assert horizontal[3] > horizontal[2]
    assert abs(vertical[1]) < 0.2


def test_normalized_luma_has_no_local_mean() -> None:
    values, deviation = normalized(np.full((40, 40), 77.0))
    assert np.abs(values).max() < 1e-9
    assert deviation.max() < 1e-3


def test_features_of_a_flat_picture_are_finite() -> None:
    flat = brisque_features(np.full((40, 50, 3), 200, np.uint8))
    assert flat.shape == (36,)
    assert np.isfinite(flat).all()
    with pytest.raises(InputError, match="BRISQUE needs 32 pixels a side at least, the picture has 31x40"):
        brisque_features(np.zeros((40, 31, 3), np.uint8))


def test_distorted_pictures_are_less_natural(examples_folder: object) -> None:
    from scipy.ndimage import gaussian_filter

    from distortion_heads.io.images import load_image

    photo = load_image(next((REPOSITORY / "examples").rglob("*.jpg")))[:400, :400]
    blurred = gaussian_filter(photo, (4, 4, 0))
    clean = unnaturalness(photo)
    assert clean < unnaturalness(noisy(photo, 1))
    assert clean < unnaturalness(blurred)
    assert gradient_sharpness(photo) > gradient_sharpness(blurred)


def test_a_model_of_its_own() -> None:
    pictures = [noisy(scene(seed, 288), seed) for seed in range(8)]
    model = learn_naturalness(pictures)
    assert model.covariance.shape == shipped_naturalness().covariance.shape == (36, 36)
    assert unnaturalness(noisy(scene(50, 288), 50), model) < unnaturalness(scene(50, 288), model)
    with pytest.raises(InputError, match="naturalness needs 192 pixels"):
        unnaturalness(scene(1, 100), model)
