from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from distortion_heads.backbones.cells import CellBackbone
from distortion_heads.backbones.read_views import view_features
from distortion_heads.errors import HeadSchemaError
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import DRIFT, LIGHT_STATISTICS, TONES, View, width_of
from distortion_heads.views.drift import drift
from distortion_heads.views.light import (
    COARSE,
    GRID,
    MOST_PIXELS,
    SEGMENTS,
    histograms,
    layout,
    light_statistics,
    tones,
    with_light,
)
from distortion_heads.views.windows import overview_view
from helpers.sample_heads import make_head

Pixels = NDArray[np.uint8]
RAMP_SEGMENT = 4  # of the segments of 32 levels, one in the middle of the scale


def picture_of(curve: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Pixels:
    """A noisy grey ramp over the middle of the scale, in 8 bits, its tones mapped by `curve` and stored in 8 bits."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(60, 200, 300)[None, :] + rng.normal(0, 3, (300, 300))
    levels = np.round(curve(np.round(ramp))).clip(0, 255).astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=2)


def comb(picture: Pixels) -> tuple[float, float]:
    """Gaps and peaks in a middle segment of R's histogram: how far above what a plain picture has."""
    values = tones(picture)[0, : 4 * SEGMENTS].reshape(4, SEGMENTS)
    return float(values[2, RAMP_SEGMENT]), float(values[3, RAMP_SEGMENT])


def test_a_plain_picture_has_neither_gaps_nor_peaks() -> None:
    gaps, peaks = comb(picture_of(lambda x: x))
    assert gaps < 0
    assert peaks < 0


def test_stretched_tones_leave_gaps_and_compressed_ones_peaks() -> None:
    """A slope of 1.5 leaves every third level empty, one of 0.75 doubles every third."""
    gaps, peaks = comb(picture_of(lambda x: 1.5 * (x - 128) + 128))
    assert gaps == pytest.approx((1 / 3 - 0.03) / 0.09, abs=0.6)
    gaps, peaks = comb(picture_of(lambda x: 0.75 * (x - 128) + 128))
    assert gaps < 0
    assert peaks == pytest.approx((1 / 3 - 0.02) / 0.06, abs=1.0)


def test_a_shift_moves_the_ends_and_piles_up_what_it_clips() -> None:
    def ends(picture: Pixels) -> list[float]:
        return list(tones(picture)[0, 4 * SEGMENTS : -COARSE])

    plain, raised = ends(picture_of(lambda x: x)), ends(picture_of(lambda x: x + 80))
    assert raised[0] - plain[0] == pytest.approx(80 / 255 / 0.1, abs=1e-3)
    assert raised[1] == pytest.approx((1 - 0.94) / 0.1, abs=1e-3)
    assert raised[5] > plain[5] + 2  # level 255
    assert raised[7] > plain[7] + 1  # the last level stands higher than those before it


def test_histograms_count_every_channel_and_the_largest(photo: Pixels) -> None:
    small = photo[:200, :300]
    counts = histograms(small)
    planes = (small[..., 0], small[..., 1], small[..., 2], small.max(axis=2))
    for row, plane in zip(counts, planes, strict=True):
        levels, found = np.unique(plane, return_counts=True)
        assert np.array_equal(np.flatnonzero(row), levels)
        assert np.array_equal(row[levels], found)


@pytest.mark.parametrize("shape", [(900, 700), (2, 400_000), (400_000, 2)])
def test_of_a_large_picture_evenly_spread_pixels_are_counted(shape: tuple[int, int]) -> None:
    large = np.zeros((*shape, 3), np.uint8)
    large[shape[0] // 2 :] = 9
    counts = histograms(large)[0]
    assert 0.5 * MOST_PIXELS < counts.sum() <= MOST_PIXELS
    assert counts[9] / counts.sum() == pytest.approx(0.5, abs=0.01)


def test_the_layout_tells_where_light_and_dark_lie(photo: Pixels) -> None:
    picture = np.full((120, 180, 3), 100, np.uint8)
    picture[:20, 150:] = 250  # the last cell of the first row
    picture[100:, :30, 2] = 0  # yellow in the first cell of the last row
    luma, dark, bright, least = (plane.reshape(GRID, GRID) for plane in layout(picture))
    plain = luma[2, 2]
    assert luma.argmax() == dark.argmax() == bright.argmax() == GRID - 1
    assert least.argmin() == GRID * (GRID - 1)
    assert (luma == plain).sum() == GRID**2 - 2
    large = np.repeat(np.repeat(photo, 3, axis=0), 3, axis=1)
    small, reduced = (overview_view(picture).image for picture in (photo, large))
    assert layout(reduced) == pytest.approx(layout(small), abs=0.15)


def test_small_pictures_tell_less_of_their_tones() -> None:
    """Few pixels leave levels out by chance: that is no trace of a tone curve."""
    small = picture_of(lambda x: x)[:40, :40]
    assert tones(np.tile(small, (4, 4, 1))) == pytest.approx(tones(small) * 2**14 / 1600, rel=1e-9)


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_any_picture_has_statistics(picture: Pixels) -> None:
    values = light_statistics(picture)
    assert values.dtype == np.float32
    assert values.shape == (LIGHT_STATISTICS,)
    assert np.array_equal(values[TONES : TONES + DRIFT], drift(overview_view(picture).image).astype(np.float32))
    assert np.abs(values).max() <= 10  # so that none of them is NaN either


def test_the_view_is_the_overview_and_the_statistics(backbone: CellBackbone, photo: Pixels) -> None:
    seen = view_features(backbone, photo, "light")
    assert seen.shape == (1, width_of("light", backbone.ref.dim))
    assert np.array_equal(seen[0, : backbone.ref.dim], backbone.features(photo, "overview")[0])
    assert np.array_equal(seen[0, backbone.ref.dim :], light_statistics(photo))


def test_every_patch_of_a_picture_gets_its_statistics(photo: Pixels) -> None:
    patches = np.zeros((3, 5), np.float32)
    seen = with_light(patches, photo)
    assert seen.shape == (3, 5 + LIGHT_STATISTICS)
    assert np.array_equal(seen[0], seen[2])


@pytest.mark.parametrize("beside", [(), ("smoke",), ("jpeg",), ("smoke", "jpeg")])
def test_a_light_head_answers_the_same_whatever_else_is_read(
    home: Path, backbone: CellBackbone, photo: Pixels, beside: tuple[str, ...]
) -> None:
    width = width_of("light", backbone.ref.dim)
    Store(home).save(make_head("curve", dim=width, backbone=backbone.ref, view="light"), overwrite=False)
    alone = Predictor(["curve"]).predict(photo)
    assert alone.windows == 1
    predictor = Predictor(["curve", *beside])
    assert predictor.predict(photo).heads[0] == alone.heads[0]
    many = [p for p in predictor.predict_many([photo, photo, photo[::-1].copy()]) if not isinstance(p, Exception)]
    assert [p.heads[0] for p in many[:2]] == [alone.heads[0]] * 2


def test_a_frame_is_run_once_in_each_view(photo: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporal heads read the overview that the heads of light have read."""
    seen, run = [], CellBackbone.features

    def spy(self: CellBackbone, pixels: Pixels, view: View, **options: Any) -> NDArray[np.float32]:
        seen.append(view)
        return run(self, pixels, view, **options)

    monkeypatch.setattr(CellBackbone, "features", spy)
    predictor = Predictor(["frozen_frames", "smoke", "jpeg"])
    _, overview = predictor.predict_frame(photo)
    assert seen == ["native", "overview"]
    assert overview is not None
    assert np.array_equal(overview, run(predictor.backbone, photo, "overview")[0])


def test_a_light_head_of_another_width_is_refused(home: Path, backbone: CellBackbone) -> None:
    head = make_head("curve", dim=backbone.ref.dim, backbone=backbone.ref, view="light")
    with pytest.raises(HeadSchemaError, match=f"do not lead from {width_of('light', backbone.ref.dim)} features"):
        Store(home).save(head, overwrite=False)
