from __future__ import annotations

from importlib import import_module
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from dheads_plugins import (
    brighten,
    contrast_change,
    darken,
    mean_shift,
    over_exposure,
    under_exposure,
    uneven_illumination,
    vignetting,
)
from dheads_plugins._tone import expose, map_lightness, to_encoded, to_linear

Image = NDArray[np.float32]
NAMES = "brighten contrast_change darken mean_shift over_exposure under_exposure uneven_illumination vignetting"
EVERY = [import_module(f"dheads_plugins.{label}") for label in NAMES.split()]
SEEDS = range(30)
LEVELS = (1, 1.5, 2, 3, 4, 5)


def grey(value: float, shape: tuple[int, int] = (32, 32)) -> Image:
    return np.full((*shape, 3), value, np.float32)


def ramp() -> Image:
    """256 greys from black to white."""
    return np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None, :, None], 3, axis=2).repeat(4, axis=0)


def make(module: ModuleType, image: Image, severity: float, seed: int) -> Image:
    made: Image = module.synthesize(image, severity, np.random.default_rng(seed))
    return made


@pytest.mark.parametrize("module", EVERY, ids=lambda module: module.HEAD.label)
def test_change_grows_with_severity(module: ModuleType, scene: Image) -> None:
    for seed in range(12):
        changes = [float(np.mean((make(module, scene, s, seed) - scene) ** 2)) for s in LEVELS]
        assert changes == sorted(changes)
        assert changes[0] > 1e-5
        assert changes[-1] > 4 * changes[0]


@pytest.mark.parametrize("module", EVERY[:6], ids=lambda module: module.HEAD.label)
def test_tone_is_the_same_everywhere_and_keeps_order_and_greys(module: ModuleType) -> None:
    for seed in SEEDS:
        made = make(module, ramp(), 5, seed)
        assert np.abs(made - made[:1]).max() == 0
        assert np.diff(made[0, :, 0]).min() > -1e-3
        assert np.ptp(made, axis=2).max() < 2e-3


@pytest.mark.parametrize("module", [brighten, darken], ids=lambda module: module.HEAD.label)
def test_curve_keeps_black_and_white(module: ModuleType) -> None:
    for seed in SEEDS:
        made = make(module, ramp(), 5, seed)
        assert made[0, 0] == pytest.approx(0, abs=2e-3)
        assert made[0, -1] == pytest.approx(1, abs=2e-3)


def test_brighten_raises_and_darken_lowers_middle_grey_by_about_half_of_the_amount() -> None:
    """Lightness and RGB agree on black and white only, so the rise of encoded middle grey varies a little."""
    for seed in SEEDS:
        for severity in (1, 2, 3):
            rise = make(brighten, grey(0.5), severity, seed).mean() - 0.5
            assert rise == pytest.approx(brighten.parameters(severity)["amount"] / 2, rel=0.25)
            fall = 0.5 - make(darken, grey(0.5), severity, seed).mean()
            assert fall == pytest.approx(darken.parameters(severity)["amount"] / 2, rel=0.25)


def test_amounts_are_kadids() -> None:
    assert [brighten.parameters(s)["amount"] for s in (1, 2, 3, 4, 5)] == pytest.approx([0.1, 0.2, 0.4, 0.7, 1.1])
    assert [darken.parameters(s)["amount"] for s in (1, 2, 3, 4, 5)] == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8])
    assert [mean_shift.parameters(s)["shift"] for s in (2, 4)] == pytest.approx([0.08, 0.15])


def test_mean_shift_moves_the_mean_by_its_size_both_ways() -> None:
    """Away from the ends nothing clips. Six of ten draws add to RGB; the others come close."""
    for severity in (1, 3, 5):
        size = mean_shift.parameters(severity)["shift"]
        shifts = np.array([make(mean_shift, grey(0.5), severity, seed).mean() - 0.5 for seed in SEEDS])
        assert (shifts > 0).any()
        assert (shifts < 0).any()
        assert np.isclose(np.abs(shifts), size, atol=1e-4).mean() > 0.4
        assert np.abs(shifts).min() > 0.4 * size
        assert np.abs(shifts).max() < 1.4 * size


def test_contrast_goes_both_ways_and_keeps_middle_grey() -> None:
    fan = ramp()[:, 77:179]
    spreads = []
    for seed in SEEDS:
        made = make(contrast_change, fan, 4, seed)
        assert made.mean() == pytest.approx(fan.mean(), abs=0.03)
        spreads.append(float(made.std() / fan.std()))
    assert min(spreads) < 0.7
    assert max(spreads) > 1.3
    assert not any(0.8 < spread < 1.2 for spread in spreads)


@pytest.mark.parametrize("amount", [-0.5, -0.2, 0.2, 0.5])
def test_contrast_curves_go_through_the_published_nodes(amount: float) -> None:
    x = np.array([0, 0.3, 0.5, 0.7, 1], np.float32)
    y = [0, 0.3 - amount / 4, 0.5, 0.7 + amount / 4, 1]
    np.testing.assert_allclose(contrast_change.spline(amount)(x), y, atol=1e-5)
    np.testing.assert_allclose(contrast_change.logistic(amount)(x), y, atol=1e-4)
    np.testing.assert_allclose(contrast_change.linear(amount, 0.5)(x)[1:4], y[1:4], atol=1e-5)


def test_contrast_spline_is_the_not_a_knot_spline() -> None:
    from scipy.interpolate import CubicSpline

    for amount in (-0.4, 0.35):
        spline = CubicSpline([0, 0.3, 0.5, 0.7, 1], [0, 0.3 - amount / 4, 0.5, 0.7 + amount / 4, 1])
        x = np.linspace(0, 1, 101, dtype=np.float32)
        np.testing.assert_allclose(contrast_change.spline(amount)(x), np.clip(spline(x), 0, 1), atol=1e-5)


def test_exposure_of_one_stop_doubles_light() -> None:
    """Middle grey reflects 18 % of the light and is encoded as 0.461; 36 % as 0.634 (IEC 61966-2-1)."""
    assert expose(grey(0.4614), 1.0).mean() == pytest.approx(0.6343, abs=1e-3)
    assert expose(grey(0.6343), -1.0).mean() == pytest.approx(0.4614, abs=1e-3)


def test_over_exposure_burns_highlights_and_under_exposure_does_not_lift_shadows() -> None:
    for seed in SEEDS:
        bright, dark = make(over_exposure, ramp(), 4, seed)[0], make(under_exposure, ramp(), 4, seed)[0]
        assert (bright[-40:] > 0.97).all()
        assert bright[100].mean() > 1.5 * ramp()[0, 100].mean()
        assert dark[-1].mean() == pytest.approx(2 ** (-2.6 / 2.2), abs=0.06)
        assert (dark <= ramp()[0] + 1e-6).all()


def test_vignetting_is_centred_and_symmetric_and_loses_its_stops_in_the_corners() -> None:
    for severity in (1, 3, 5):
        stops = vignetting.parameters(severity)["stops"]
        for seed in SEEDS:
            made = make(vignetting, grey(0.8, (96, 128)), severity, seed)[..., 0]
            assert made[48, 64] == pytest.approx(0.8, rel=0.02)
            corners = to_linear(np.array([made[0, 0], made[0, -1], made[-1, 0], made[-1, -1]], np.float32))
            lost = np.log2(to_linear(np.array([0.8], np.float32))[0] / corners).mean()
            assert lost == pytest.approx(stops, rel=0.12)
            assert np.abs(made - made[:, ::-1]).max() < 0.2
            assert np.diff(made[48, 70:]).max() < 1e-6


def test_cos4_law() -> None:
    """At 45 degrees cos^4 is a quarter: a lens that loses two stops in the corners."""
    radius = np.array([0, 0.5, 1], np.float32)
    expected = np.cos(np.arctan(radius)) ** 4
    np.testing.assert_allclose(vignetting.cos4(radius**2, 2.0), expected, rtol=1e-5)


def test_round_vignettes_have_round_isolines() -> None:
    squared = vignetting.squared_radius((101, 201), 1.0)
    assert squared[0, 0] == pytest.approx(1, abs=0.02)
    assert squared[0, 100] == pytest.approx(squared[50, 50], rel=0.02)  # 50 pixels up, 50 pixels left
    ellipse = vignetting.squared_radius((101, 201), 0.0)
    assert ellipse[0, 100] == pytest.approx(ellipse[50, 0], rel=0.02)


def test_uneven_illumination_darkens_a_part_smoothly_by_its_depth() -> None:
    lit_middles = []
    for severity in (1, 3, 5):
        depth = uneven_illumination.parameters(severity)["depth"]
        for seed in SEEDS:
            gain = make(uneven_illumination, grey(0.5, (96, 128)), severity, seed)[..., 0] / 0.5
            assert gain.min() / gain.max() == pytest.approx(1 - depth, abs=0.03)
            assert 0.99 <= gain.max() <= 1.21
            assert 0.2 < (1 - gain.mean() / gain.max()) / depth < 0.7
            assert np.abs(np.diff(gain, axis=1)).max() < 0.1
            lit_middles.append(float(gain[48, 64] / gain.max()))
    assert min(lit_middles) < 0.7


def test_linear_light_round_trip() -> None:
    x = np.linspace(0, 1, 257, dtype=np.float32)
    np.testing.assert_allclose(to_encoded(to_linear(x)), x, atol=1e-5)
    assert to_linear(x)[128] == pytest.approx(0.214, abs=1e-3)


def test_lightness_of_colours_by_the_standard() -> None:
    """CIE L* of the sRGB primaries is 53.24, 87.73, 32.30, and no change of L* changes no colour."""
    primaries = np.eye(3, dtype=np.float32)[None]
    seen: list[NDArray[np.float32]] = []

    def look(lightness: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(lightness)
        return lightness

    made = map_lightness(primaries, look)
    np.testing.assert_allclose(seen[0][0] * 100, [53.24, 87.73, 32.30], atol=0.02)
    np.testing.assert_allclose(made, primaries, atol=3e-3)
