"""Features of small windows: the same as the pooled ones, and of joined cells."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from distortion_heads.backbones.cells import CellBackbone, CellMoments
from distortion_heads.backbones.local import CellCollector, Standard
from distortion_heads.backbones.open import bundled_backbone, open_backbone
from distortion_heads.views.windows import native_view, native_windows
from helpers.little_pictures import scene


@pytest.fixture(scope="module")
def backbone() -> CellBackbone:
    return cast(CellBackbone, open_backbone(bundled_backbone(), device="cpu", threads=1))


def test_local_features_are_the_pooled_ones(backbone: CellBackbone) -> None:
    pixels = scene(1, 300)
    features, local = backbone.located_features(pixels, "native")
    assert (features == backbone.features(pixels, "native")).all()
    assert (local.unit, local.rows, local.columns) == (32, 10, 10)
    cells = backbone.cells(native_view(pixels))
    for level in local.levels:
        windows = native_windows(10, 10, level.side * 32, 32)
        assert (level.rows, level.columns) == (11 - level.side, 11 - level.side)
        np.testing.assert_allclose(level.features, backbone.pool(cells, windows), atol=2e-2)


def test_cells_that_are_joined_have_the_moments_of_their_block() -> None:
    rng = np.random.default_rng(0)
    cells = rng.uniform(0.5, 1.0, (2, 130, 127)).astype(np.float32)
    collector = CellCollector(130, 127)
    assert collector.joined == 3
    for top in (0, 40, 81):
        collector.add(cells[:, top : {0: 40, 40: 81, 81: 130}[top]])
    standard = Standard(plain=1, mean=np.zeros(2), scale=np.ones(2))
    local = collector.local((1, 64), standard)
    assert (local.unit, local.rows, local.columns) == (96, 44, 43)
    assert [level.side for level in local.levels] == [1, 43]
    first = cells[:, 3:6, 6:9]
    mean = first[0].mean()
    variance = (first[1] + first[0] ** 2).mean() - mean**2
    found = local.levels[0].features[1 * 43 + 2]
    np.testing.assert_allclose(found, [mean, 0.5 * np.log(variance + 1e-5)], rtol=1e-4)


def test_a_mean_over_everything_is_that_of_all_cells(backbone: CellBackbone) -> None:
    values = np.random.default_rng(1).uniform(0, 1, (backbone.ref.dim, 3, 2)).astype(np.float32)
    collector = CellCollector(3, 2)
    collector.add(values)
    standard = Standard(plain=backbone._plain, mean=backbone._mean, scale=backbone._scale)
    level = collector.local((4,), standard).levels[0]
    assert (level.side, level.rows, level.columns) == (2, 2, 1)
    expected = backbone.pool(CellMoments(values=values), native_windows(3, 2, 64, 32))
    np.testing.assert_allclose(level.features, expected, atol=2e-2)
