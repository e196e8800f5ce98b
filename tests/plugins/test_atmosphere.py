from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_plugins import smoke

BLACK = np.zeros((96, 128, 3), np.float32)
WHITE = np.ones((96, 128, 3), np.float32)


def opacity(severity: float, seed: int) -> NDArray[np.float32]:
    """What a veil hides: it takes the same from black and white, and leaves (1 - opacity) of their difference."""
    made = [smoke.synthesize(image, severity, np.random.default_rng(seed)) for image in (BLACK, WHITE)]
    return 1 - (made[1] - made[0])[..., 1]


def blended_in_encoded_values(seed: int) -> bool:
    """Then black, middle grey and white stay evenly spaced."""
    low, middle, high = (
        smoke.synthesize(np.full_like(BLACK, v), 3, np.random.default_rng(seed)) for v in (0.0, 0.5, 1.0)
    )
    return bool(np.abs(middle - (low + high) / 2).max() < 1e-4)


@pytest.mark.parametrize("severity", [1, 2.5, 4, 5])
def test_mean_opacity_is_the_parameter(severity: float) -> None:
    seeds = [seed for seed in range(12) if blended_in_encoded_values(seed)]
    assert len(seeds) >= 6
    for seed in seeds:
        assert opacity(severity, seed).mean() == pytest.approx(smoke.parameters(severity)["opacity"], abs=0.03)


def test_veils_differ_from_local_plumes_to_full_cover() -> None:
    thinnest = [float(opacity(2, seed).min()) for seed in range(40)]
    assert min(thinnest) < 0.01
    assert max(thinnest) > 0.1


def test_smoke_is_smooth_and_almost_grey() -> None:
    for seed in range(8):
        veil = smoke.synthesize(BLACK, 4, np.random.default_rng(seed))
        assert np.abs(np.diff(veil[..., 1], axis=1)).max() < 0.25
        assert np.ptp(veil, axis=2).max() < 0.15


def test_smoke_lowers_contrast_more_with_severity(scene: NDArray[np.float32]) -> None:
    for seed in range(6):
        spread = [float(smoke.synthesize(scene, s, np.random.default_rng(seed)).std()) for s in (1, 2, 3, 4, 5)]
        changed = [
            float(np.mean((smoke.synthesize(scene, s, np.random.default_rng(seed)) - scene) ** 2))
            for s in (1, 2, 3, 4, 5)
        ]
        assert spread[0] > spread[4]
        assert changed == sorted(changed)


def test_field_scales_with_the_picture() -> None:
    """A picture of four times the area shows the same veil, only larger."""
    small = smoke.synthesize(BLACK, 3, np.random.default_rng(5))
    large = smoke.synthesize(np.zeros((192, 256, 3), np.float32), 3, np.random.default_rng(5))
    np.testing.assert_allclose(large.reshape(96, 2, 128, 2, 3).mean((1, 3)), small, atol=0.03)
