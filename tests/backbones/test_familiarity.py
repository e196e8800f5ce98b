"""Pictures unlike those that heads were made on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from distortion_heads.backbones.cells import CellBackbone
from distortion_heads.backbones.familiarity import (
    NEIGHBOURS,
    NOTE,
    Familiarity,
    bundled_familiarity,
    dump_familiarity,
    fit_familiarity,
    read_familiarity,
)
from distortion_heads.errors import BackboneError
from distortion_heads.pipeline import Predictor
from distortion_heads.reports.pictures import prediction_to_dict
from distortion_heads.spec import BackboneRef

REF = BackboneRef(name="tiny", fingerprint="ab" * 32, dim=40)


@pytest.fixture
def model() -> Familiarity:
    rng = np.random.default_rng(0)
    features = (rng.standard_normal((200, 40)) * np.linspace(3, 0.1, 40) + 5).astype(np.float32)
    return fit_familiarity(features, np.arange(200) // 2, REF, {"command": "test"})


def test_the_distance_is_that_to_the_fifth_neighbour(model: Familiarity) -> None:
    windows = np.random.default_rng(1).standard_normal((3, 40)).astype(np.float32)
    place = model.axes.astype(np.float64) @ (windows.mean(axis=0) - model.mean)
    by_hand = np.sort(np.linalg.norm(model.points.astype(np.float64) - place, axis=1))[NEIGHBOURS - 1]
    assert model.distance(windows) == pytest.approx(by_hand, rel=1e-4)


def test_far_pictures_are_unfamiliar_unless_they_are_small(model: Familiarity) -> None:
    """Each training picture counted without its own pair, so of those that are in the model fewer are far."""
    known = np.linalg.lstsq(model.axes.astype(np.float64), model.points.T.astype(np.float64), rcond=None)[0].T
    windows = (known + model.mean).astype(np.float32)[:, np.newaxis]
    assert sum(model.is_unfamiliar(picture, 256) for picture in windows) <= 0.04 * len(windows)
    assert all(model.is_unfamiliar(picture + 20, 256) for picture in windows)
    assert not model.is_unfamiliar(windows[0] + 20, 255)
    assert not model.is_unfamiliar(None, 256)


def test_a_model_is_read_as_it_was_written(model: Familiarity, tmp_path: Path) -> None:
    file = tmp_path / "tiny.familiarity.safetensors"
    file.write_bytes(dump_familiarity(model))
    back = read_familiarity(file)
    assert (back.backbone, back.limit, back.info) == (model.backbone, model.limit, model.info)
    assert dump_familiarity(back) == dump_familiarity(model)


def test_damaged_models_are_refused(model: Familiarity, tmp_path: Path) -> None:
    broken = [
        b"",
        dump_familiarity(model)[:-1],
        dump_familiarity(replace(model, points=model.points[:, :-1])),
        dump_familiarity(replace(model, points=model.points[:2])),
        dump_familiarity(replace(model, mean=np.full(40, np.nan, np.float32))),
        dump_familiarity(replace(model, backbone=replace(REF, dim=41))),
    ]
    for data in broken:
        (tmp_path / "x.safetensors").write_bytes(data)
        with pytest.raises(BackboneError, match="is no model of familiar pictures"):
            read_familiarity(tmp_path / "x.safetensors")
    with pytest.raises(BackboneError, match="cannot read"):
        read_familiarity(tmp_path / "missing.safetensors")


def test_too_few_pictures_make_no_model() -> None:
    with pytest.raises(ValueError, match="too few"):
        fit_familiarity(np.zeros((32, 40), np.float32), np.arange(32), REF, {})


def test_the_bundled_model_is_for_the_bundled_backbone(backbone: CellBackbone) -> None:
    model = bundled_familiarity(backbone.ref)
    assert model is not None
    assert model.info["command"].startswith("dheads train --familiarity")
    assert bundled_familiarity(REF) is None


def test_noise_is_marked_and_a_photograph_is_not(examples_folder: Path) -> None:
    predictor = Predictor(["noise"])
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    marked = predictor.predict(noise)
    assert marked.unfamiliar
    assert NOTE in marked.notes
    assert prediction_to_dict(marked)["unfamiliar"] is True
    assert marked.heads  # probabilities are not hidden
    for name in ("kitten_clean.jpg", "kitten_noise.png", "skyline_jpeg.jpg"):
        plain = predictor.predict(examples_folder / name)
        assert not plain.unfamiliar
        assert "unfamiliar" not in json.dumps(prediction_to_dict(plain))
    assert not Predictor(["exposure"]).predict(noise).unfamiliar  # nothing reads the native view
