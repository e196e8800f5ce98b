"""Every full-reference metric: its ends, its order, its limits, and values that were computed in another way."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("piq")

from distortion_heads.errors import InputError, MissingExtraError
from distortion_heads.metrics.reference.metric import ReferenceMetric
from distortion_heads.metrics.reference.table import METRICS, compare_pixels, find_metrics
from helpers.little_pictures import scene

SIDE = 176
GRAIN = np.random.default_rng(3).normal(0, 12, (SIDE, SIDE, 3))
COLOR_BLIND = {name for name, metric in METRICS.items() if not metric.color}
each_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    return np.clip(np.rint(scene(1, SIDE) * 0.7 + 30 + GRAIN), 0, 255).astype(np.uint8)


def blurred(pixels: np.ndarray, sigma: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return np.rint(gaussian_filter(pixels.astype(np.float64), (sigma, sigma, 0))).astype(np.uint8)


def noisy(pixels: np.ndarray, deviation: float) -> np.ndarray:
    noise = np.random.default_rng(7).normal(0, deviation, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def as_jpeg(pixels: np.ndarray, quality: float) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=int(quality))
    return np.asarray(Image.open(stream))


@each_metric
def test_equal_pictures_are_the_best(metric: ReferenceMetric, clean: np.ndarray) -> None:
    assert metric(clean, clean.copy()) == pytest.approx(metric.best, abs=2e-5)
    worse = metric(clean, noisy(clean, 20))
    assert (worse < metric.best) is metric.higher_better
    assert abs(worse - metric.best) > 1e-3


@each_metric
@pytest.mark.parametrize(
    ("distort", "levels"), [(blurred, (0.6, 1.2, 3)), (noisy, (4, 12, 40)), (as_jpeg, (70, 30, 6))]
)
def test_more_of_a_distortion_is_worse(
    metric: ReferenceMetric,
    clean: np.ndarray,
    distort: Callable[[np.ndarray, float], np.ndarray],
    levels: tuple[float, ...],
) -> None:
    values = [metric(clean, distort(clean, level)) for level in levels]
    assert values == sorted(values, reverse=metric.higher_better)
    assert len(set(values)) == len(values)


@each_metric
def test_color_is_seen_where_the_table_says_so(metric: ReferenceMetric, clean: np.ndarray) -> None:
    grey = np.repeat(np.asarray(Image.fromarray(clean).convert("L"))[..., None], 3, axis=2)
    loss = abs(metric(clean, grey) - metric.best)
    limit = 0.01 * abs(metric.best - metric.worst)
    assert (loss > limit) is metric.color, loss


@each_metric
def test_least_size(metric: ReferenceMetric) -> None:
    pixels = scene(2, max(metric.least, 1))
    assert metric(pixels, pixels) == pytest.approx(metric.best, abs=2e-5)
    if metric.least > 1:
        small = scene(2, metric.least - 1)
        with pytest.raises(InputError, match=f"{metric.title} needs {metric.least} pixels a side"):
            metric(small, small)


def test_two_sizes_are_no_pair() -> None:
    with pytest.raises(InputError, match="the reference has 40x40 pixels and the distorted picture 48x48"):
        compare_pixels(scene(1, 40), scene(1, 48), find_metrics(None))


def test_small_pictures_are_compared_by_those_that_can() -> None:
    found = compare_pixels(scene(1, 64), noisy(scene(1, 64), 9), find_metrics(("ssim", "ms_ssim")))
    assert set(found.values) == {"ssim"}
    assert found.missing == {"ms_ssim": "MS-SSIM needs 161 pixels a side at least, the pictures have 64x64"}
    with pytest.raises(InputError, match="MS-SSIM needs 161"):
        compare_pixels(scene(1, 64), scene(1, 64), find_metrics(("ms_ssim",)))


def test_flat_pictures() -> None:
    flat = np.full((170, 170, 3), 90, np.uint8)
    found = compare_pixels(flat, flat // 2, find_metrics(None))
    assert found.missing == {"iw_ssim": "IW-SSIM is not defined for these pictures: they are too plain for it"}
    assert found.values["psnr"] == pytest.approx(10 * np.log10(255**2 / 45**2))


def test_names() -> None:
    assert [metric.name for metric in find_metrics(("vsi", "gmsd", "vsi"))] == ["vsi", "gmsd"]
    with pytest.raises(InputError, match="no metric 'lpips': choose of psnr, ssim"):
        find_metrics(("lpips",))


def test_without_piq(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "piq", None)
    pixels = scene(1, 64)
    assert METRICS["psnr"](pixels, pixels) == 100
    with pytest.raises(MissingExtraError, match="the metric SSIM needs the extra 'train'"):
        METRICS["ssim"](pixels, pixels)


def test_ssim_as_scikit_image_computes_it(clean: np.ndarray) -> None:
    similarity = pytest.importorskip("skimage.metrics").structural_similarity
    other = noisy(clean, 20)
    theirs = similarity(clean, other, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                        data_range=255, full=True)[1][5:-5, 5:-5].mean()  # fmt: skip
    assert METRICS["ssim"](clean, other) == pytest.approx(theirs, abs=1e-5)


def test_gmsd_by_its_formula(clean: np.ndarray) -> None:
    """Prewitt gradients of luma at half size, c = 170 on the scale of 255 (Xue et al. 2014, eq. 4 to 6)."""
    from scipy.ndimage import correlate

    def gradient(pixels: np.ndarray) -> np.ndarray:
        luma = pixels @ np.array([0.299, 0.587, 0.114])
        half = (luma[::2, ::2] + luma[1::2, ::2] + luma[::2, 1::2] + luma[1::2, 1::2]) / 4
        kernel = np.array([[1, 0, -1]] * 3) / 3
        return np.hypot(*(correlate(half, k, mode="constant") for k in (kernel, kernel.T)))

    other = blurred(clean, 1.5)
    a, b = gradient(clean), gradient(other)
    expected = ((2 * a * b + 170) / (a**2 + b**2 + 170)).std()
    assert METRICS["gmsd"](clean, other) == pytest.approx(expected, abs=2e-3)
