"""The fixed band-pass filters: what they pass, and that nothing slow leaks through."""

from __future__ import annotations

import numpy as np
import pytest

from distortion_heads.backbones.analysis_bank import (
    BANDS,
    DIAGONAL_BANDS,
    LUMA,
    NARROW_BANDS,
    analysis_banks,
)

AXIS = np.arange(11) - 5
LUMA_FILTERS = 20


@pytest.fixture(scope="module")
def planes() -> np.ndarray:
    """The luma filters as they act on a grey picture."""
    return analysis_banks()[0][:LUMA_FILTERS].sum(1).astype(np.float64)


def test_luma_filters_have_norm_one(planes: np.ndarray) -> None:
    assert np.sqrt((planes**2).sum((1, 2))) == pytest.approx(np.ones(LUMA_FILTERS), abs=1e-5)
    assert sum(LUMA) == pytest.approx(1.0)


def test_colour_filters_are_blind_to_grey() -> None:
    assert np.abs(analysis_banks()[0][LUMA_FILTERS:].sum(1)).max() < 1e-6


@pytest.mark.parametrize("index", range(2 * len(BANDS)))
def test_upright_filters_ignore_polynomials_below_their_order(planes: np.ndarray, index: int) -> None:
    order = BANDS[index // 2][1]
    surfaces = [np.outer(np.ones(11), (AXIS / 5.0) ** k) for k in range(order)]
    for surface in surfaces:
        rotated = surface if index % 2 == 0 else surface.T
        assert abs((planes[index] * rotated).sum()) < 1e-6


def test_upright_filters_are_centred_where_the_formula_says(planes: np.ndarray) -> None:
    for i, (sigma, order) in enumerate(BANDS):
        spectrum = np.abs(np.fft.rfft(planes[2 * i].sum(0), 256))
        peak = np.arange(129)[spectrum.argmax()] / 256
        assert peak == pytest.approx(min(np.sqrt(order) / (2 * np.pi * sigma), 0.5), abs=0.05)


def test_a_diagonal_filter_answers_to_its_own_diagonal(planes: np.ndarray) -> None:
    x, y = np.meshgrid(AXIS, AXIS)
    first = 2 * len(BANDS)
    for i, (sigma, order) in enumerate(DIAGONAL_BANDS):
        frequency = np.sqrt(order) / (2 * np.pi * sigma)
        along = np.exp(2j * np.pi * frequency * (x + y) / np.sqrt(2))
        across = np.exp(2j * np.pi * frequency * (x - y) / np.sqrt(2))
        own, other = planes[first + 2 * i], planes[first + 2 * i + 1]
        assert abs((own * along).sum()) > 5 * abs((own * across).sum())
        assert abs((other * across).sum()) > 5 * abs((other * along).sum())


def test_narrow_filters_pass_half_the_width_of_broad_ones() -> None:
    def width(row: np.ndarray) -> float:
        spectrum = np.abs(np.fft.rfft(row, 512)) ** 2
        return float((spectrum > spectrum.max() / 2).sum() / spectrum.argmax())

    broad, narrow = analysis_banks()
    broad_widths = [width(broad[2 * i].sum((0, 1))) for i, (sigma, _) in enumerate(BANDS) if sigma >= 1]
    narrow_widths = [width(narrow[2 * i].sum((0, 1))) for i in range(len(NARROW_BANDS))]
    assert max(narrow_widths) < 0.75 * min(broad_widths)


def test_narrow_filters_are_luma_of_norm_one_and_blind_to_slow_change() -> None:
    narrow = analysis_banks()[1].sum(1).astype(np.float64)
    assert np.sqrt((narrow**2).sum((1, 2))) == pytest.approx(np.ones(16), abs=1e-5)
    y, x = np.mgrid[:17, :17] / 8.0 - 1.0
    for surface in (np.ones_like(x), x, y, x * y, x**3, y**4):
        assert np.abs((narrow * surface).sum((1, 2))).max() < 1e-6


def test_nobody_can_change_the_filters_of_others() -> None:
    for bank in analysis_banks():
        bank.copy()[:] = 0
        with pytest.raises(ValueError, match="read-only"):
            bank[:] = 0
