"""Small runs of `dheads synth` and what they leave."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.plan import SynthPlan, parse_severities
from distortion_heads.synthesis.run import Run
from distortion_heads.synthesis.sources import Sources
from distortion_heads.synthesis.work import Outcome, Target


def save_photo(path: Path, height: int = 40, width: int = 40, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).save(path)


def make_run(
    bank: dict[str, HeadSpec], photos: Path, out: Path, labels: str = "white_noise,jpeg", **changes: Any
) -> Run:
    target = Target(
        folder=out,
        **{name: changes.pop(name) for name in ("keep_codec", "format", "compress", "clips") if name in changes},
    )
    jobs = changes.pop("jobs", 1)
    settings = {
        "specs": tuple(bank[label] for label in labels.split(",")),
        "severities": parse_severities("1,3,5"),
        **changes,
    }
    return Run(sources=Sources((str(photos),), out), plan=SynthPlan(**settings), target=target, jobs=jobs)


def finish(run: Run) -> list[Outcome]:
    return list(run.outcomes())


def manifest(out: Path) -> list[dict[str, str]]:
    with (out / "manifest.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the lock."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != ".lock")
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def assert_same_output(a: Path, b: Path) -> None:
    left, right = contents(a), contents(b)
    assert left.keys() == right.keys()
    assert [name for name in left if left[name] != right[name]] == []
