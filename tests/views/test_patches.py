"""Patches of native pixels: squares, and whole frames."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.views.patches import PatchGrid

PICTURE = np.arange(90 * 160 * 3, dtype=np.uint32).reshape(90, 160, 3).astype(np.uint8)


@pytest.mark.parametrize(
    ("grid", "corners"),
    [
        (PatchGrid(side=90, stride=90, width=160), [(0, 0)]),
        (PatchGrid(side=40, stride=50), [(0, 0), (0, 50), (0, 100), (50, 0), (50, 50), (50, 100)]),
        (PatchGrid(side=40, stride=50, width=80), [(0, 0), (0, 50), (50, 0), (50, 50)]),
    ],
)
def test_corners(grid: PatchGrid, corners: list[tuple[int, int]]) -> None:
    assert grid.corners(90, 160) == corners
    patches = grid.cut(PICTURE)
    assert patches.shape == (len(corners), *grid.size, 3)
    for patch, (top, left) in zip(patches, corners, strict=True):
        np.testing.assert_array_equal(patch, PICTURE[top:, left:][: grid.size[0], : grid.size[1]])


def test_a_smaller_picture_is_padded_and_a_larger_one_reduced_to_hold_one() -> None:
    grid = PatchGrid(side=36, stride=36, width=64)
    assert grid.cut(PICTURE[:30, :60]).shape == (1, 36, 64, 3)
    overview = grid.of_view(PICTURE, "overview")
    assert overview.shape == (1, 36, 64, 3)  # of the same proportions
    assert abs(float(overview.mean()) - float(PICTURE.mean())) < 2
    assert grid.of_view(PICTURE[:, :80], "overview").shape[1:] == (36, 64, 3)


def test_random_patches_lie_in_the_picture() -> None:
    patches = PatchGrid(side=80, stride=1, width=150).cut_randomly(PICTURE, 20, np.random.default_rng(0))
    assert patches.shape == (20, 80, 150, 3)
    assert len({patch.tobytes() for patch in patches}) > 10
