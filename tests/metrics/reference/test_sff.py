"""Sparse feature fidelity by its formulas, with filters and pictures that can be reckoned by hand."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.metrics.reference.sff import blocks, learn_detector, load_detector, sff


def test_the_last_block_of_a_multiple_of_eight_is_left_out() -> None:
    assert [len(blocks(np.zeros((side, 17, 3), np.uint8))) for side in (16, 17, 24, 25)] == [2, 4, 4, 6]


def test_order_within_a_block() -> None:
    """Down a column, column by column, channel by channel."""
    pixels = np.zeros((9, 9, 3), np.uint8)
    pixels[1, 0, 0], pixels[0, 1, 0], pixels[0, 0, 1] = 10, 20, 30
    (block,) = blocks(pixels)
    assert (block[1], block[8], block[64]) == (10, 20, 30)


def test_luminance_part_alone() -> None:
    """With filters of zero all features are equal; brightness turned round gives -1 of the means."""
    pixels = np.repeat(np.repeat(np.arange(0, 160, 10, np.uint8).reshape(4, 4), 8, 0), 8, 1)[..., None].repeat(3, 2)
    pixels = np.pad(pixels, ((0, 1), (0, 1), (0, 0)), mode="edge")
    blind = np.zeros((8, 192))
    assert sff(pixels, pixels, blind) == pytest.approx(1)
    assert sff(pixels, 150 - pixels, blind) == pytest.approx(0.2 - 0.8, abs=1e-4)


def test_feature_part_by_hand() -> None:
    """One filter that reads the difference of two pixels: A = 40, B = 20, and the other seven see nothing."""
    detector = np.zeros((8, 192))
    detector[0, 0], detector[0, 1] = 0.01, -0.01
    reference, distorted = (np.full((9, 9, 3), 100, np.uint8) for _ in range(2))
    reference[0, 0, 0], reference[1, 0, 0] = 120, 80
    distorted[0, 0, 0], distorted[1, 0, 0] = 110, 90
    similar = (2 * 0.4 * 0.2 + 0.08) / (0.4**2 + 0.2**2 + 0.08)
    assert sff(reference, distorted, detector) == pytest.approx(0.8 + 0.2 * (similar + 7) / 8)


def test_the_filters_that_ship() -> None:
    detector = load_detector()
    assert detector.shape == (8, 192)
    assert np.abs(detector.sum(1)).max() < 1e-5
    norms = np.linalg.norm(detector, axis=1)
    assert 0.003 < norms.min() < norms.max() < 0.03


def lines(seed: int) -> np.ndarray:
    """Random bright strokes on grey: sparse, as natural pictures are."""
    rng = np.random.default_rng(seed)
    pixels = np.full((64, 64, 3), 90, np.uint8)
    for _ in range(40):
        y, x = rng.integers(0, 56, 2)
        long, thick = rng.integers(3, 24), rng.integers(1, 4)
        rows, columns = ((long, thick), (thick, long))[rng.integers(2)]
        pixels[y : y + rows, x : x + columns] = rng.integers(0, 256, 3)
    return pixels


def test_learnt_filters_are_white_and_the_same_each_time() -> None:
    pytest.importorskip("sklearn")
    pictures = [lines(seed) for seed in range(12)]
    detector = learn_detector(pictures, 150)
    np.testing.assert_array_equal(detector, learn_detector(pictures, 150))
    outputs = np.concatenate([b - b.mean(1, keepdims=True) for b in map(blocks, pictures)]) @ detector.T
    np.testing.assert_allclose(np.cov(outputs.T), np.eye(8), atol=0.35)
