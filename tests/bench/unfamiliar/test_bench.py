"""The report of unfamiliar pictures, and the model that it measures, on a few small pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distortion_heads.backbones.familiarity import read_familiarity
from distortion_heads.bench.unfamiliar.made_pictures import KINDS
from helpers.command_line import Dheads, write_picture


@pytest.fixture
def dheads(capfd: pytest.CaptureFixture[str]) -> Dheads:
    return Dheads(capfd)


@pytest.fixture
def wild(tmp_path: Path) -> Path:
    folder = tmp_path / "wild"
    rows = ["file,split,group,labels"]
    listed = (("a", "train", "camera", "clean"), ("b", "val", "camera", "clean"), ("c", "val", "surgery", "smoke"))
    for seed, (name, split, group, labels) in enumerate(listed):
        write_picture(folder / f"{name}.png", seed)
        rows.append(f"{name}.png,{split},{group},{labels}")
    (folder / "manifest.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for seed in range(12):
        write_picture(tmp_path / "images" / f"{seed}.png", seed + 10)
    return tmp_path / "images"


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_made_alike_of_one_seed(kind: str) -> None:
    pictures = [KINDS[kind](np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert all(picture.dtype == np.uint8 and picture.ndim == 3 for picture in pictures)
    assert (pictures[0] == pictures[1]).all()
    assert pictures[0].shape != pictures[2].shape or (pictures[0] != pictures[2]).any()
    assert len(np.unique(pictures[0])) > 2


def test_the_report_has_every_group(dheads: Dheads, images: Path, wild: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = dheads(
        "bench", "unfamiliar", "--images", images, "--wild", wild, "--out", out, "--made", "1", "--limit", "2"
    )
    assert done.code == 0, done.err
    report = json.loads((out / "report.json").read_text())
    groups = {group["name"]: group for group in report["groups"]}
    assert {*KINDS, "surgery", "photographs as found", "clean photographs", "photographs, distorted"} <= set(groups)
    assert groups["photographs, distorted"]["n"] == 4
    assert groups["noise fields"]["auroc"] is not None
    assert groups["clean photographs"]["auroc"] is None
    assert "## Goals" in (out / "report.md").read_text()
    assert "AUROC, drawings" in done.out


def test_the_model_is_made_by_a_command(dheads: Dheads, images: Path, wild: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = dheads("train", "--familiarity", "--images", images, "--wild", wild, "--out", out)
    assert done.code == 0, done.err
    model = read_familiarity(out / "dheads_small.familiarity.safetensors")
    assert model.info["command"] == "dheads train --familiarity --images images --seed 0 --wild wild"
    assert len(model.points) == 3 * 12 + 1
    Image.new("RGB", (64, 64)).save(tmp_path / "one.png")
    for picture in sorted(images.iterdir())[2:]:
        picture.unlink()
    few = dheads("train", "--familiarity", "--images", images, "--out", out)
    assert few.code == 1
    assert "are too few: give more than 32" in few.error
    both = dheads("train", "--familiarity", "--families", "--images", images, "--out", out)
    assert both.code == 2
