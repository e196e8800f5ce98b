"""`dheads bench heat` on two little pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads.bench.heat.bench import HeatBenchOptions, bench_heat
from distortion_heads.bench.heat.cases import SEVERITIES, draw_cases
from distortion_heads.errors import DataError
from distortion_heads.registry.build import build_registry
from helpers.little_pictures import scene
from helpers.tiny_registry import write_heads


def test_only_the_part_is_distorted() -> None:
    registry = build_registry(environ={"DHEADS_LOAD_PLUGINS": ""})
    specs = {label: registry.head(label).spec for label in ("white_noise", "jpeg", "smoke")}
    pixels = scene(3, 160)
    cases = list(draw_cases(pixels, specs, (0, 1)))
    assert [(case.label, case.severity) for case in cases] == [(name, s) for name in specs for s in SEVERITIES]
    for case in cases:
        changed = (case.pixels != pixels).any(axis=2)
        assert 0.1 < case.part.mean() < 0.6
        assert changed[case.part].mean() > 0.5
        if case.label != "smoke":
            assert not changed[~case.part].any()
    again = list(draw_cases(pixels, specs, (0, 1)))
    assert all((a.pixels == b.pixels).all() for a, b in zip(cases, again, strict=True))


def test_a_run_writes_the_report(tmp_path: Path) -> None:
    registry = write_heads(tmp_path / "weights", {"white_noise": "native", "smoke": "light"})
    for seed in range(2):
        Image.fromarray(scene(seed, 100)).save(tmp_path / f"{seed}.png")
    options = HeatBenchOptions(images=tmp_path, out=tmp_path / "out")
    report = bench_heat(options, make_registry=registry)
    assert [(row.label, row.cases) for row in report.rows] == [("white_noise", 6), ("smoke", 6), ("all", 12)]
    assert all(0 <= row.area <= 1 and 0 <= row.overlap <= 1 for row in report.rows)
    held = json.loads((options.out / "report.json").read_text())
    assert held["setting"]["pictures"] == 2
    assert held["goals"][-1]["measured"] > 0
    assert "| white_noise | 6 |" in (options.out / "report.md").read_text()


def test_without_any_of_the_distortions_there_is_nothing_to_measure(tmp_path: Path) -> None:
    registry = write_heads(tmp_path / "weights", {"pixelate": "native"})
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="nothing to measure"):
        bench_heat(HeatBenchOptions(images=tmp_path, out=tmp_path / "out"), make_registry=registry)
