"""`dheads evaluate` and `dheads score2020`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.command_line import Dheads


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps of fitting are enough here."""
    from distortion_heads.training.heads import fit_layers as fit

    monkeypatch.setattr(fit, "MIN_STEPS", 60)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of eight scenes, clean and with noise."""
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("noisy")
    lines = ["path,label,group"]
    for seed in range(8):
        rng = np.random.default_rng(seed)
        coarse = Image.fromarray(rng.integers(0, 256, (7, 8, 3)).astype(np.uint8))
        scene = np.asarray(coarse.resize((64, 64), Image.Resampling.BICUBIC))
        noise = np.clip(scene + rng.normal(0, 40, scene.shape), 0, 255).astype(np.uint8)
        for name, pixels, label in (("a", scene, "clean"), ("b", noise, "white_noise")):
            Image.fromarray(pixels).save(folder / f"{name}{seed}.png")
            lines.append(f"{name}{seed}.png,{label},s{seed}")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    return folder / "list.csv"


def test_evaluate_prints_medians_and_writes_a_report(dheads: Dheads, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = dheads("evaluate", dataset, "--repeats", "2", "--protocol", "both", "--out", out)
    assert result.code == 0, result.err
    assert result.lines[0].split()[:3] == ["method", "protocol", "share"]
    assert [line.split()[:3] for line in result.lines[1:3]] == [
        ["frozen", "disjoint", "80%"],
        ["frozen", "shared-scenes", "80%"],
    ]
    assert str(out / "report.md") in result.out
    command = json.loads((out / "result.json").read_text())["command"]
    assert command == "dheads evaluate list.csv --protocol both --repeats 2 --seed 0"
    scores = dheads("score2020", out / "result.json")
    assert scores.code == 0
    assert scores.lines[1].split()[:2] == ["1.00", "frozen"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--shares", "20,90"), 2, "up to 80"),
        (("--shares", "half"), 2, "up to 80"),
        (("--protocol", "leaky"), 2, "--protocol"),
        (("--method", "magic"), 1, "no method 'magic'"),
        (("--labels", "rain"), 1, "no record with 'rain'"),
        (("--labels", " , "), 2, "names no label"),
    ],
)
def test_wrong_options(
    dheads: Dheads, dataset: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    result = dheads("evaluate", dataset, "--out", tmp_path / "out", *arguments)
    assert (result.code, result.out) == (code, "")
    assert says in result.error
    assert not (tmp_path / "out").exists()


def test_no_dataset_and_no_result(dheads: Dheads, tmp_path: Path) -> None:
    missing = dheads("evaluate", tmp_path / "nowhere")
    assert (missing.code, missing.out) == (1, "")
    assert "nowhere" in missing.error
    scores = dheads("score2020", tmp_path / "result.json")
    assert (scores.code, scores.out) == (1, "")
    assert "result.json" in scores.error
