"""`dheads evaluate --task quality`."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("piq")
pytest.importorskip("sklearn")

from helpers.command_line import Dheads
from helpers.little_pictures import save, scene


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    rows = ["path,label,mos,group,reference"]
    for seed in range(3):
        clean = scene(seed, 48)
        save(tmp_path / "data" / f"s{seed}.png", clean)
        for strength in (5, 20, 60):
            noise = np.random.default_rng([seed, strength]).normal(0, strength, clean.shape)
            name = f"n{seed}_{strength}.png"
            save(tmp_path / "data" / name, np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8))
            rows.append(f"{name},noise,{5 - strength / 20},g{seed},s{seed}.png")
    (tmp_path / "data" / "ratings.csv").write_text("\n".join(rows))
    return tmp_path / "data" / "ratings.csv"


def test_table(dheads: Dheads, ratings: Path, tmp_path: Path) -> None:
    result = dheads("evaluate", ratings, "--task", "quality", "--scorers", "psnr,brisque", "--out", tmp_path / "out")
    assert result.code == 0, result.err
    assert result.lines[0] == "ratings.csv: 9 rated pictures of 3 scenes"
    assert [line.split()[0] for line in result.lines[1:] if line] == ["scorer", "PSNR", "BRISQUE", "report:"]
    psnr = result.lines[2 if result.lines[1] else 3].split()
    assert psnr[:3] == ["PSNR", "needed", "9"]
    assert float(psnr[3]) > 0.9
    assert (
        "dheads evaluate ratings.csv --task quality --scorers psnr,brisque" in (tmp_path / "out/report.md").read_text()
    )


def test_mistakes(dheads: Dheads, ratings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert dheads("evaluate", ratings, "--also", ratings, "--out", out).code == 2
    result = dheads("evaluate", ratings, "--task", "quality", "--scorers", "lpips", "--out", out)
    assert (result.code, "no metric 'lpips'" in result.error) == (1, True)
    text = ratings.read_text()
    for spoilt, words in (
        (re.sub(r"noise,[\d.]+", "noise,", text), "0 rated pictures: at least 5"),
        (re.sub(r"noise,[\d.]+", "noise,4", text), "all pictures are rated 4"),
        (text.replace("4.75", "good"), "the mos is 'good', not a number"),
    ):
        ratings.write_text(spoilt)
        result = dheads("evaluate", ratings, "--task", "quality", "--out", out)
        assert result.code == 1
        assert words in result.error
    assert not out.exists()
