"""Heat maps: places, areas, and answers that do not change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads.answers import Prediction
from distortion_heads.errors import DheadsError, UnknownHeadError
from distortion_heads.heat.areas import find_areas, heat_pixels
from distortion_heads.heat.predictor import HeatPredictor
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.build import Registry
from helpers import REPOSITORY

CLEAN = REPOSITORY / "examples" / "kitten_clean.jpg"


def photograph() -> np.ndarray:
    """A clean example, uint8 (H, W, 3)."""
    return np.asarray(Image.open(CLEAN).convert("RGB"))


@pytest.fixture(scope="module")
def predictor() -> HeatPredictor:
    return HeatPredictor(["noise", "blur", "exposure"], threads=1)


def half_noisy(pixels: np.ndarray) -> np.ndarray:
    """The right half with strong noise."""
    middle = pixels.shape[1] // 2
    noise = np.random.default_rng(0).normal(0, 35, pixels[:, middle:].shape)
    result = pixels.copy()
    result[:, middle:] = np.clip(np.rint(result[:, middle:] + noise), 0, 255)
    return result


@pytest.fixture(scope="module")
def noisy_half(predictor: HeatPredictor) -> Prediction:
    return predictor.predict(half_noisy(photograph()))


def test_the_map_of_noise_is_high_where_the_noise_is(noisy_half: Prediction) -> None:
    heat = noisy_half.heat("noise")
    pixels = heat_pixels(heat, noisy_half.width, noisy_half.height)
    assert pixels.shape == (noisy_half.height, noisy_half.width)
    middle = noisy_half.width // 2
    assert pixels[:, middle + 32 :].mean() > pixels[:, : middle - 32].mean() + 0.4
    assert 0 <= pixels.min() <= pixels.max() <= 1


def test_the_area_is_the_noisy_half(noisy_half: Prediction) -> None:
    first = noisy_half.heat("noise").areas[0]
    middle = noisy_half.width // 2
    assert abs(first.x - middle) <= 64
    assert first.x + first.width == noisy_half.width
    assert first.height > 0.8 * noisy_half.height
    assert noisy_half.heat("noise").worst[0] >= middle - 32
    assert noisy_half.places is not None
    assert "noise" in noisy_half.places.found()
    assert "blur" not in noisy_half.places.found()


def test_the_answers_are_those_of_the_predictor() -> None:
    plain, heat = (kind(["noise", "blur", "exposure"], threads=1) for kind in (Predictor, HeatPredictor))
    pictures = [half_noisy(photograph()), photograph()[:300, :260], np.asarray(photograph().repeat(4, 0).repeat(4, 1))]
    for pixels in pictures:
        assert plain.predict(pixels) == heat.predict(pixels)


def test_many_pictures_have_places_too() -> None:
    predictor = HeatPredictor(["noise"], threads=2)
    found = list(predictor.predict_many([half_noisy(photograph()), photograph()]))
    assert all(isinstance(answer, Prediction) for answer in found)
    first, second = (answer.heat("noise").values for answer in found if isinstance(answer, Prediction))
    assert first.max() > second.max()


def test_heads_of_the_whole_picture_give_a_rough_map(noisy_half: Prediction) -> None:
    heat = noisy_half.heat("exposure")
    assert heat.coarse
    assert heat.values.shape == (4, 6)
    assert not noisy_half.heat("noise").coarse


def test_a_name_without_a_map_is_an_error(predictor: HeatPredictor, noisy_half: Prediction) -> None:
    with pytest.raises(UnknownHeadError, match="'nothing'"):
        noisy_half.heat("nothing")
    with pytest.raises(DheadsError, match="with HeatPredictor"):
        Predictor(["noise"], threads=1).predict(photograph()).heat("noise")
    flat = predictor.predict(np.zeros((100, 100, 3), np.uint8))
    with pytest.raises(DheadsError, match="was not judged"):
        flat.heat("noise")
    few = predictor.predict(photograph(), most_windows=1)
    with pytest.raises(DheadsError, match="of all windows"):
        few.heat("noise")


def test_frames_around_a_picture_have_no_heat(predictor: HeatPredictor) -> None:
    inner = half_noisy(photograph())
    page = np.zeros((inner.shape[0] + 200, inner.shape[1], 3), np.uint8)
    page[100:-100] = inner
    found = predictor.predict(page)
    assert found.area is not None
    assert found.area[1] > 90
    heat = found.heat("noise")
    pixels = heat_pixels(heat, found.width, found.height)
    assert pixels[: found.area[1] - 1].max() == 0
    assert all(area.y >= found.area[1] and area.y + area.height <= found.area[3] for area in heat.areas)


def test_large_pictures_join_cells(predictor: HeatPredictor) -> None:
    large = np.tile(half_noisy(photograph())[:, 256:], (6, 9, 1))
    heat = predictor.predict(large).heat("noise")
    assert heat.values.size <= 4096
    assert heat.values.mean() > 0.5


def test_areas_of_a_map() -> None:
    values = np.zeros((6, 8), np.float32)
    values[0:2, 0:2], values[3:5, 4:8] = 0.9, 0.8
    found = find_areas(values, (10, 20, 10 + 8 * 32, 20 + 6 * 32), 0.4, (10, 20, 250, 200))
    large, small = found
    assert (small.x, small.y) == (10, 20)
    assert abs(small.width - 64) <= 16
    assert large.x + large.width == 250
    assert abs(large.y - (20 + 96)) <= 16
    assert find_areas(values, (0, 0, 256, 192), 0.95, (0, 0, 256, 192)) == ()


def test_heads_of_every_view_have_maps(tmp_path: Path) -> None:
    from helpers.tiny_registry import write_heads

    registry: Registry = write_heads(
        tmp_path / "heads", {"jpeg": "native", "smoke": "light", "lens_blur": "overview", "jitter": "full"}
    )()
    found = HeatPredictor(registry=registry, threads=1).predict(photograph())
    for name in ("jpeg", "smoke", "lens_blur", "jitter", "noise"):
        values = found.heat(name).values
        assert values.dtype == np.float32
        assert 0 <= values.min() <= values.max() <= 1
