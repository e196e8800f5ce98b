"""Ratios of hot paths, each within one run; never seconds. On demand: pytest benchmarks -m slow"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from speed import folder_rates, picture, seconds, stages_of

from distortion_heads import Predictor
from distortion_heads.backbones.cells import CellBackbone
from distortion_heads.backbones.open import bundled_backbone, load_backbone
from distortion_heads.bench.scalability.cost import run_probe, write_heads
from distortion_heads.bench.scalability.probe import Job
from distortion_heads.views.windows import native_windows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def backbone() -> CellBackbone:
    return load_backbone(bundled_backbone())


@pytest.mark.parametrize(("size", "suffix", "count"), [((512, 384), ".png", 24), ((4000, 3000), ".jpg", 3)])
def test_a_folder_goes_at_the_speed_of_its_slower_half(
    tmp_path: Path, size: tuple[int, int], suffix: str, count: int
) -> None:
    rates = folder_rates([picture(tmp_path, *size, suffix, seed) for seed in range(count)])
    assert rates["all"] >= 0.85 * min(rates["decode"], rates["backbone"])


def test_most_of_the_time_after_decoding_is_the_backbone(tmp_path: Path) -> None:
    found = stages_of(picture(tmp_path, 512, 384, ".png"), 20)
    assert found["backbone"] >= 0.7 * (found["all"] - found["decode"])
    assert found["heads"] + found["pooling"] + found["report"] <= 0.15 * found["all"]


def test_overlapping_windows_cost_little(backbone: CellBackbone) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1536, 2048, 3), dtype=np.uint8)
    cells = backbone.cells(pixels)
    every_cell = native_windows(cells.rows, cells.columns, 256, 32)
    assert seconds(lambda: backbone.pool(cells, every_cell), 3) <= 0.3 * seconds(lambda: backbone.cells(pixels), 3)


def test_time_per_pixel_does_not_grow_with_size(backbone: CellBackbone) -> None:
    rng = np.random.default_rng(0)
    small, large = (rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in ((384, 512), (3072, 4096)))
    per_pixel = [
        seconds(lambda image=image: backbone.features(image, "native"), repeats) / image.size  # type: ignore[misc]
        for image, repeats in ((small, 15), (large, 2))
    ]
    assert per_pixel[1] <= 1.5 * per_pixel[0]


def test_a_few_windows_save_most_of_the_time() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), dtype=np.uint8)
    predictor = Predictor()
    few = seconds(lambda: predictor.predict(pixels, most_windows=8), 2)
    assert few <= 0.4 * seconds(lambda: predictor.predict(pixels), 2)


def test_hundreds_of_heads_cost_little(tmp_path: Path) -> None:
    """The goals are 1.05, 1.5 and 1; the rest is for noise."""
    head = next(head for head in Predictor().heads if head.view == "native")
    home = write_heads(head, 1000, tmp_path)
    source = str(picture(tmp_path, 512, 384, ".png"))
    found = run_probe(Job(kind="heads", counts=(1, 100, 1000), picture=source, rounds=9, home=str(home), tower=""))
    assert found.seconds[100] <= 1.1 * found.seconds[1]
    assert found.seconds[1000] <= 1.65 * found.seconds[1]
    alone = {n: Job(kind="heads", counts=(n,), picture=source, rounds=1, home=str(home), tower="") for n in (1, 1000)}
    peaks = {n: run_probe(job).peak for n, job in alone.items()}
    own = sum(layer.weight.nbytes + layer.bias.nbytes for layer in head.layers)
    assert peaks[1000] - peaks[1] <= 1.1 * 999 * own
