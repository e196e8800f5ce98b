"""`dheads synth --kadis`: one distortion for each picture at five levels, and what metrics say of each."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from dheads_cli.main import run as dheads
from distortion_heads.datasets.load import load_corpus
from distortion_heads.errors import DataError
from distortion_heads.io.images import load_image
from distortion_heads.metrics.reference.psnr import psnr
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.opinions import ANCHORS
from distortion_heads.synthesis.plan import SynthPlan, parse_severities
from helpers.synth_runs import contents, manifest


def test_each_picture_has_one_distortion_at_every_level(bank: dict[str, HeadSpec]) -> None:
    plan = SynthPlan(
        specs=tuple(bank[label] for label in ANCHORS), severities=parse_severities("1,2,3,4,5"), one_kind=True
    )
    assert (len(ANCHORS), plan.size) == (25, 5)
    drawn = set()
    for number in range(200):
        items = list(plan.items(f"p{number}.png", 0, plan.size))
        assert [item.steps[0].severity for item in items] == [1, 2, 3, 4, 5]
        assert len({item.steps[0].spec.label for item in items}) == 1
        assert len({item.seed for item in items}) == 5
        drawn.add(items[0].steps[0].spec.label)
    assert drawn == set(ANCHORS)


@pytest.mark.parametrize("options", [["--severities", "1-5"], ["-n", "3"]])
def test_levels_are_needed(photos: Path, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    assert dheads(["synth", "--kadis", str(photos), "out", *options]) == 2
    assert "at levels: give them as 1,2,3,4,5" in capsys.readouterr().err


def test_scores_are_those_of_the_files_and_kept(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["synth", "--kadis", str(photos), str(out), "--scores", "psnr,ms_ssim", "--jobs", "1"]
    assert dheads(command) == 0
    rows = manifest(out)
    assert len(rows) == 10
    for row in rows:
        scores = json.loads(row["scores"])
        assert set(scores) == {"psnr"}  # MS-SSIM needs larger pictures
        assert scores["psnr"] == pytest.approx(psnr(load_image(row["source"]), load_image(out / row["file"])), rel=1e-6)
    before = contents(out)
    kept = next((out / ".scores").rglob("*.json"))
    kept.write_text('{"asked": ["psnr", "ms_ss')  # a torn one is computed again
    (out / rows[3]["file"]).unlink()
    assert dheads(command) == 0
    assert contents(out) == before


def test_an_unknown_metric_makes_nothing(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dheads(["synth", str(photos), "out", "--scores", "scqi"]) == 2
    assert "no metric 'scqi'" in capsys.readouterr().err


def test_a_dataset_has_the_scores(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert dheads(["synth", "--kadis", str(photos), str(out), "--scores", "psnr", "--jobs", "1"]) == 0
    corpus = load_corpus(out)
    assert all(("psnr" in record.scores) == bool(record.severities) for record in corpus.records)


@pytest.mark.parametrize("text", ["[1]", "{", '{"psnr": "x"}', '{"psnr": NaN}', "7"])
def test_scores_that_are_none_are_refused(photos: Path, tmp_path: Path, text: str) -> None:
    out = tmp_path / "out"
    assert dheads(["synth", str(photos), str(out), "--distortions", "white_noise", "--jobs", "1"]) == 0
    rows = manifest(out)
    with (out / "manifest.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows([{**row, "scores": text} for row in rows])
    with pytest.raises(DataError, match="no JSON object of numbers by metric"):
        load_corpus(out)
