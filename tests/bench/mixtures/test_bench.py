"""`dheads bench mixtures` on two little pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads.bench.mixtures.bench import MixturesBenchOptions, MixturesPlan, bench_mixtures
from distortion_heads.bench.mixtures.figures import MixtureOutcomes, compute_figures
from distortion_heads.errors import DataError
from helpers.tiny_registry import TinyRegistry, write_heads


@pytest.fixture
def registry(tmp_path: Path) -> TinyRegistry:
    return write_heads(tmp_path / "weights", {"white_noise": "overview", "jpeg": "overview"}, seed=1)


@pytest.fixture
def options(tmp_path: Path) -> MixturesBenchOptions:
    (tmp_path / "clean").mkdir()
    for name in ("a", "b"):
        pixels = np.random.default_rng(ord(name)).integers(0, 255, (12, 16, 3), np.uint8)
        Image.fromarray(pixels).resize((160, 120)).save(tmp_path / "clean" / f"{name}.png")
    return MixturesBenchOptions(images=tmp_path / "clean", out=tmp_path / "out", plan=MixturesPlan(versions=3))


def test_a_run_writes_the_report_and_goes_on_from_its_cache(
    options: MixturesBenchOptions, registry: TinyRegistry
) -> None:
    report = bench_mixtures(options, make_registry=registry)
    assert (report.figures.mixtures, report.figures.labels) == (6, 12)
    assert {row.family: row.drawn for row in report.figures.families if row.drawn} == {"noise": 6, "compression": 6}
    assert json.loads((options.out / "report.json").read_text())["figures"]["mixtures"] == 6
    assert "| noise | 6 |" in (options.out / "report.md").read_text()
    assert bench_mixtures(options, make_registry=registry).figures == report.figures
    (options.images / "a.png").write_bytes(b"no picture")
    assert len(bench_mixtures(options, make_registry=registry).setting.unreadable) == 1
    with pytest.raises(DataError, match="no image"):
        bench_mixtures(replace(options, images=options.out), make_registry=registry)


def test_what_cannot_be_seen_counts_neither_way() -> None:
    nan = np.nan
    loss = np.array([[2.0, 0.1, nan], [2.0, 0.1, nan], [2.0, 2.0, nan]])
    found = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1]], bool)
    figures = compute_figures(
        MixtureOutcomes(
            families=("blur", "noise", "light"),
            picture=np.array([0, 1, 2]),
            loss=loss,
            probability=found.astype(float),
            found=found,
        )
    )
    assert (figures.labels, figures.unseen) == (6, 2)
    every, one, two = figures.sets
    assert (every.n, one.n, two.n) == (3, 2, 1)
    assert one.exact is not None
    assert one.exact.value == 1.0
    assert two.exact is not None
    assert two.exact.value == 0.0
    assert every.found is not None
    assert every.found.value == 0.75
    light = figures.families[2]
    assert light.found is None
    assert light.alarms is not None
    assert light.alarms.value == pytest.approx(1 / 3)
