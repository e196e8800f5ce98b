"""The model of places: what it reads, its file, and that it is kept to the backbone that it is for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from distortion_heads.backbones.local import LocalFeatures, LocalLevel
from distortion_heads.backbones.open import bundled_backbone
from distortion_heads.errors import BackboneError
from distortion_heads.heat.place_model import (
    PARTS,
    PlaceModel,
    bundled_places,
    covering,
    dump_places,
    place_inputs,
    raised,
    read_places,
    upper_end,
)
from distortion_heads.registry.backbones import read_ref
from distortion_heads.spec import BackboneRef

REF = BackboneRef(name="tiny", fingerprint="ab" * 32, dim=6)


@pytest.fixture
def model() -> PlaceModel:
    rng = np.random.default_rng(0)
    return PlaceModel(
        backbone=REF,
        families=("blur", "noise"),
        first=rng.standard_normal((PARTS * REF.dim, 5)).astype(np.float16),
        first_bias=rng.standard_normal(5).astype(np.float32),
        last=rng.standard_normal((5, 2)).astype(np.float16),
        last_bias=rng.standard_normal(2).astype(np.float32),
        info={"command": "test"},
    )


def local_features(rows: int, columns: int) -> LocalFeatures:
    rng = np.random.default_rng(1)
    levels = []
    for side in dict.fromkeys(min(side, rows, columns) for side in (1, 2, 4)):
        down, across = rows - side + 1, columns - side + 1
        windows = rng.standard_normal((down * across, REF.dim)).astype(np.float32)
        levels.append(LocalLevel(side=side, rows=down, columns=across, features=windows))
    return LocalFeatures(unit=32, rows=rows, columns=columns, levels=tuple(levels))


@pytest.mark.parametrize(("rows", "columns"), [(6, 9), (4, 4), (3, 7), (1, 1)])
def test_maps_are_those_of_the_inputs_it_was_fitted_on(model: PlaceModel, rows: int, columns: int) -> None:
    local = local_features(rows, columns)
    inputs = place_inputs(local)
    assert inputs.shape == (rows * columns, PARTS * REF.dim)
    hidden = np.maximum(inputs @ model.first.astype(np.float32) + model.first_bias, 0)
    logits = hidden @ model.last.astype(np.float32) + model.last_bias
    found = model.values(local)
    assert list(found) == ["blur", "noise"]
    for i, values in enumerate(found.values()):
        assert values.shape == (rows, columns)
        assert values.dtype == np.float32
        np.testing.assert_allclose(values.ravel(), 1 / (1 + np.exp(-logits[:, i])), atol=1e-5)


def test_a_place_is_covered_by_the_windows_around_it() -> None:
    np.testing.assert_allclose(covering(4, 3), [[1, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 1]])
    np.testing.assert_array_equal(covering(5, 5), np.eye(5))


def test_a_map_is_as_high_as_the_answer_for_the_picture() -> None:
    values = np.linspace(0.001, 0.2, 40, dtype=np.float32).reshape(5, 8)
    higher = raised(values, 0.9)
    assert upper_end(higher) == pytest.approx(0.9, abs=0.01)
    assert np.array_equal(np.argsort(higher, axis=None), np.argsort(values, axis=None))
    assert raised(values, 0.1) is values
    assert raised(np.zeros((2, 2), np.float32), 1.0).max() <= 1


def test_a_model_is_read_as_it_was_written(model: PlaceModel, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(dump_places(model))
    back = read_places(file)
    assert (back.backbone, back.families, back.info) == (model.backbone, model.families, model.info)
    assert dump_places(back) == dump_places(model)


def test_damaged_models_are_refused(model: PlaceModel, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    broken = [
        b"",
        dump_places(model)[:-1],
        dump_places(replace(model, first=model.first[:-1])),
        dump_places(replace(model, families=("blur",))),
        dump_places(replace(model, last_bias=np.full(2, np.nan, np.float32))),
        dump_places(replace(model, backbone=replace(REF, dim=7))),
    ]
    for data in broken:
        file.write_bytes(data)
        with pytest.raises(BackboneError, match="is no model of places"):
            read_places(file)
    with pytest.raises(BackboneError, match="cannot read"):
        read_places(tmp_path / "missing.safetensors")


def test_the_bundled_model_is_for_the_bundled_backbone() -> None:
    ref = read_ref(bundled_backbone())
    model = bundled_places(ref)
    assert model is not None
    assert {"blur", "noise", "compression", "atmosphere"} <= set(model.families)
    assert bundled_places(replace(ref, fingerprint="0" * 64)) is None
