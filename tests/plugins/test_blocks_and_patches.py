from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_plugins import color_block, non_eccentricity_patch

Image = NDArray[np.float32]
SEEDS = range(20)


@pytest.fixture
def gradient() -> Image:
    """384x512, every pixel of another colour, so that a copied or covered one shows."""
    y, x = np.mgrid[0:384, 0:512].astype(np.float32)
    return np.stack([x / 511, y / 383, (x + y) / 894], -1).astype(np.float32)


@pytest.mark.parametrize(("severity", "count"), [(1, 2), (3, 6), (5, 10)])
def test_blocks_cover_the_published_area(gradient: Image, severity: float, count: int) -> None:
    areas = [
        (color_block.synthesize(gradient, severity, np.random.default_rng(seed)) != gradient).any(-1).sum()
        for seed in SEEDS
    ]
    assert max(areas) <= 1.3 * (count + 1) * 33**2
    assert np.mean(areas) == pytest.approx(count * 32**2, rel=0.12)  # blocks may overlap


def test_most_blocks_are_solid_squares_of_32_pixels() -> None:
    black = np.zeros((128, 128, 3), np.float32)
    exact = 0
    for seed in SEEDS:
        image = color_block.synthesize(black, 1, np.random.default_rng(seed))
        rows, columns = np.nonzero(image.any(-1))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert height == width
        inside = image[rows.min() + 1 : rows.max(), columns.min() + 1 : columns.max()]
        assert np.ptp(inside, axis=(0, 1)).max() < 1e-6
        exact += height == 32
    assert exact > len(SEEDS) / 3


@pytest.mark.parametrize(("size", "factor"), [((384, 512), 1), ((768, 1024), 4), ((192, 256), 0.25)])
def test_counts_scale_with_area(size: tuple[int, int], factor: float) -> None:
    noise = np.random.default_rng(0).random((*size, 3), dtype=np.float32)
    changed = [
        (non_eccentricity_patch.synthesize(noise, 2, np.random.default_rng(seed)) != noise).any(-1).sum()
        for seed in SEEDS
    ]
    assert np.mean(changed) == pytest.approx(40 * 256 * factor, rel=0.15)


def test_patches_come_from_nearby(gradient: Image) -> None:
    moved = 0
    for seed in SEEDS:
        image = non_eccentricity_patch.synthesize(gradient, 1, np.random.default_rng(seed))
        offset = np.abs(image - gradient) * (511, 383, 894)
        assert offset[..., 0].max() <= 3 * 14  # a copy of a copy of a copy at most
        assert np.quantile(offset[..., 0][offset[..., 0] > 0], 0.9) <= 14.01
        moved += (offset > 0).any()
    assert moved == len(SEEDS)


def test_patches_only_show_pixels_of_the_picture(gradient: Image) -> None:
    image = non_eccentricity_patch.synthesize(gradient, 5, np.random.default_rng(1))
    known = np.unique(gradient.reshape(-1, 3), axis=0)
    assert len(np.unique(np.concatenate([known, image.reshape(-1, 3)]), axis=0)) == len(known)


@pytest.mark.parametrize("module", [color_block, non_eccentricity_patch], ids=lambda m: m.HEAD.label)
def test_change_grows_with_severity(gradient: Image, module: object) -> None:
    synthesize = module.synthesize  # type: ignore[attr-defined]
    changes = [
        np.mean([(synthesize(gradient, s, np.random.default_rng(seed)) != gradient).any(-1).mean() for seed in SEEDS])
        for s in range(1, 6)
    ]
    assert (np.diff(changes) > 0).all()
