"""`dheads bench wild` on three little pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads.bench.wild.bench import WildBenchOptions, bench_wild
from distortion_heads.datasets.wild import read_wild
from distortion_heads.errors import DataError
from helpers.contracts import assert_valid
from helpers.tiny_registry import TinyRegistry, write_heads

HEADER = "file,split,group,labels\n"


@pytest.fixture
def registry(tmp_path: Path) -> TinyRegistry:
    return write_heads(tmp_path / "weights", {"white_noise": "overview", "jpeg": "overview"}, seed=1)


@pytest.fixture
def options(tmp_path: Path) -> WildBenchOptions:
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c", "d"):
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), np.uint8)).save(tmp_path / f"{name}.png")
    lines = ("a.png,val,sea,clean", "b.png,val,sea,noise+other", "c.png,val,land,unreviewed", "d.png,val,land,arguable")
    (tmp_path / "manifest.csv").write_text(HEADER + "\n".join((*lines, "gone.png,train,sea,clean")))
    return WildBenchOptions(wild=tmp_path, out=tmp_path / "out")


def test_a_run_writes_the_report_and_goes_on_from_its_cache(options: WildBenchOptions, registry: TinyRegistry) -> None:
    report = bench_wild(options, make_registry=registry)
    figures = report.figures
    assert [(group.group, group.n) for group in figures.clean] == [("sea", 1), ("all", 1)]
    assert [(group.group, group.n) for group in figures.unreviewed] == [("land", 1), ("all", 1)]
    assert [(fault.picture, fault.family) for fault in figures.faults] == [("b.png", "noise")]
    found = sum(fault.found for fault in figures.faults)
    assert [(row.group, row.n, row.found) for row in figures.faults_of_groups] == [("sea", 1, found), ("all", 1, found)]
    assert {alarm.picture for alarm in figures.alarms} <= {"a.png", "c.png"}
    noise = next(row for row in figures.rankings if row.family == "noise")
    assert (noise.faulty, noise.clean) == (1, 1)
    content = json.loads((options.out / "report.json").read_text())
    assert_valid("bench", content)
    assert content["setting"]["pictures"] == 4
    text = (options.out / "report.md").read_text()
    assert "| b.png | noise |" in text
    assert f"| sea | 1 | {found} |" in text
    assert bench_wild(options, make_registry=registry).figures == figures


def test_a_picture_that_is_gone_is_said(options: WildBenchOptions, registry: TinyRegistry) -> None:
    (options.wild / "c.png").unlink()
    report = bench_wild(options, make_registry=registry)
    assert report.setting.pictures == 3
    assert len(report.setting.unreadable) == 1
    assert report.setting.unreadable[0].startswith("picture c.png: cannot be read")
    with pytest.raises(DataError, match="none of the pictures"):
        bench_wild(replace(options, split="train"), make_registry=registry)


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "cannot be read"), ("file,split\na.png,val\n", "no column 'group'"), (HEADER, "lists no picture")],
)
def test_a_bad_list_is_one_line(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(DataError, match=words):
        read_wild(tmp_path, "val")
