"""Frames as video codecs leave them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from distortion_heads.io.video.encode import CODECS, Coding, encode_video
from distortion_heads.synthesis.reencode import CODEC_ODDS, draw_coding, reencode


@pytest.fixture
def picture() -> np.ndarray:
    y, x = np.mgrid[:97, :133]
    grey = 128 + 60 * np.sin(x / 7) * np.cos(y / 9)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("seed", range(4))
def test_a_frame_keeps_its_shape_and_nearly_its_pixels(picture: np.ndarray, seed: int) -> None:
    decoded = reencode(picture, np.random.default_rng(seed))
    assert decoded.shape == picture.shape
    assert decoded.dtype == np.uint8
    error = np.abs(decoded.astype(int) - picture)
    assert 0 < error.mean() < 6


def test_fine_noise_is_smoothed(picture: np.ndarray) -> None:
    noisy = np.clip(picture + np.random.default_rng(0).normal(0, 6, picture.shape), 0, 255).astype(np.uint8)
    lost = [reencode(noisy, np.random.default_rng(seed)).astype(int) for seed in range(4)]
    assert np.mean([np.std(frame - picture) for frame in lost]) < np.std(noisy.astype(int) - picture)


def test_the_generator_alone_decides(picture: np.ndarray) -> None:
    assert (reencode(picture, np.random.default_rng(5)) == reencode(picture, np.random.default_rng(5))).all()


def test_every_codec_is_drawn() -> None:
    rng = np.random.default_rng(0)
    assert {draw_coding(rng).codec for _ in range(200)} == set(CODEC_ODDS)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_clips_of_any_codec(picture: np.ndarray, frames: int, tmp_path: Path) -> None:
    for codec in CODECS:
        file = tmp_path / f"{codec}.mkv"
        encoded = encode_video([(i / 25, picture) for i in range(frames)], file, Coding(codec=codec), 25.0)
        assert encoded.frames == frames
