"""Surroundings are left out of an answer, which says so; what shows too little has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from distortion_heads.pipeline import Predictor
from distortion_heads.reports.pictures import prediction_to_dict

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(threads=1)


@pytest.fixture(scope="module")
def photo() -> Pixels:
    """One of the examples: a photograph without fault."""
    path = next((Path(__file__).parents[1] / "examples").rglob("*clean*"))
    return np.asarray(Image.open(path).convert("RGB"))


def disc(height: int, width: int) -> NDArray[np.bool_]:
    y, x = np.ogrid[:height, :width]
    return np.asarray(((y - height / 2) / (0.47 * height)) ** 2 + ((x - width / 2) / (0.42 * width)) ** 2 <= 1)


@pytest.mark.parametrize("colour", [0, 128, 255, None], ids=["black", "grey", "white", "transparent"])
def test_a_cut_out_is_judged_without_its_surroundings(photo: Pixels, predictor: Predictor, colour: int | None) -> None:
    inside = disc(*photo.shape[:2])
    if colour is None:
        picture = Image.fromarray(np.dstack([photo, np.where(inside, 255, 0).astype(np.uint8)]))
    else:
        picture = Image.fromarray(np.where(inside[..., None], photo, colour).astype(np.uint8))
    answer = predictor.predict(picture)
    assert answer.area_shape in ("cutout", "round")
    assert answer.area_share == pytest.approx(inside.mean(), abs=0.06)
    assert not {head.family for head in answer.present} & {"exposure"}
    assert not {"mean_shift", "vignetting"} & {head.label for head in answer.present}


def test_a_frame_changes_nothing(photo: Pixels, predictor: Predictor) -> None:
    framed = np.full((photo.shape[0] + 160, photo.shape[1] + 160, 3), 255, np.uint8)
    framed[80:-80, 80:-80] = photo
    answer = predictor.predict(framed)
    assert answer.area is not None
    left, top, right, bottom = answer.area
    assert answer.heads == predictor.predict(framed[top:bottom, left:right]).heads
    assert prediction_to_dict(answer)["area"] == [left, top, right, bottom]
    assert predictor.predict_frame(framed)[0] == answer


def test_a_picture_without_surroundings_says_nothing(photo: Pixels, predictor: Predictor) -> None:
    assert not {"area", "area_shape", "judged", "reason", "notes"} & set(prediction_to_dict(predictor.predict(photo)))


@pytest.mark.parametrize("threads", [1, 2])
def test_many_with_and_without_surroundings_are_judged_as_alone(photo: Pixels, threads: int) -> None:
    framed, flat = photo.copy(), np.full_like(photo, 90)
    framed[:50] = framed[-50:] = 0
    predictor = Predictor(["jpeg", "smoke", "under_exposure"], threads=threads)
    pictures = [photo, framed, flat, photo, framed]
    assert list(predictor.predict_many(pictures)) == [predictor.predict(picture) for picture in pictures]


def test_a_round_field_has_fewer_windows(photo: Pixels, predictor: Predictor) -> None:
    big = np.tile(photo, (3, 3, 1))[:1000, :1400]
    y, x = np.ogrid[:1000, :1400]
    field = np.where(((y - 500) ** 2 + (x - 700) ** 2 <= 480**2)[..., None], big, 0).astype(np.uint8)
    answer = predictor.predict(field)
    assert answer.area_shape == "round"
    whole = predictor.predict(big[20:980, 220:1180])
    assert 4 <= answer.windows < whole.windows
    few = predictor.predict(field, most_windows=4)
    assert (few.windows, few.fast, answer.fast) == (4, True, False)
