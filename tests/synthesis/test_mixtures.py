"""Samples for family heads: deterministic, handed on, and with what can be seen of each fault."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.registry.build import build_registry
from distortion_heads.synthesis.afterwards import handed_on
from distortion_heads.synthesis.camera import demosaic, mosaic
from distortion_heads.synthesis.distort import Step
from distortion_heads.synthesis.mixtures import mixed_picture, operators_of
from distortion_heads.synthesis.visibility import difference, gmsd, severity_of

FAMILIES = (
    "blur", "noise", "compression", "exposure", "light", "atmosphere", "color", "spatial", "sharpness",
)  # fmt: skip


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:240, 0:320].astype(np.float32)
    tone = 0.5 + 0.3 * np.sin(x / 3) * np.cos(y / 5)
    return np.clip(tone[..., None] * np.array([0.9, 1.0, 0.8]) + rng.normal(0, 0.02, (240, 320, 3)), 0, 1).astype(
        np.float32
    )


@pytest.fixture(scope="module")
def operators():
    specs = {label: head.spec for label, head in build_registry(no_plugins=True).heads.items()}
    return operators_of(specs, FAMILIES)


def test_makes_keep_the_contract_and_grow_with_severity(picture, operators):
    for family, known in operators.items():
        assert known.makes, family
        for make in known.makes:
            low, high = (make.synthesize(picture, s, np.random.default_rng(1)) for s in (1.0, 5.0))
            assert high.shape == picture.shape
            assert high.dtype == np.float32
            assert difference(high, picture).loss > max(0.3, 0.9 * difference(low, picture).loss), make.label


def test_the_same_seed_gives_the_same_sample(picture, operators):
    drawn = (Step(spec=operators["noise"].makes[0], severity=4.0),)
    first, again = (mixed_picture(picture, drawn, (5, 6)) for _ in range(2))
    assert np.array_equal(first.pixels, again.pixels)
    assert first.faults[0].seen.loss > 0.4


def test_what_a_later_fault_hides_is_less_seen(picture, operators):
    fine = next(spec for spec in operators["noise"].kinds if spec.label == "white_noise")
    heavy = next(spec for spec in operators["compression"].kinds if spec.label == "jpeg")
    alone = mixed_picture(picture, (Step(spec=fine, severity=1.0),), (1, 2), untouched=False)
    steps = (Step(spec=fine, severity=1.0), Step(spec=heavy, severity=5.0))
    both = mixed_picture(picture, steps, (1, 2), untouched=False)
    seen = {fault.family: fault.seen.loss for fault in both.faults}
    assert seen["compression"] > 1
    assert alone.faults[0].seen.loss > 0


def test_differences(picture):
    assert difference(picture, picture).loss == 0
    luma = picture.mean(axis=2)
    assert gmsd(luma, luma) == pytest.approx(0, abs=1e-6)
    assert severity_of(0) == 1
    assert severity_of(100) == 5


def test_a_grey_picture_survives_the_mosaic():
    grey = np.full((32, 32, 3), 0.4, np.float32)
    for way in ("bilinear", "gradient"):
        assert np.allclose(demosaic(mosaic(grey), way), 0.4, atol=1e-5)


def test_handed_on_pictures_are_bytes_of_at_most_the_size(picture):
    for seed in range(12):
        pixels = handed_on(picture, np.random.default_rng(seed))
        assert pixels.dtype == np.uint8
        assert pixels.shape[0] <= 240
        assert min(pixels.shape[:2]) >= 224
