"""MEON (Ma et al. 2018) at a small scale: recall of types beside its Table V, GDN against ReLU beside its Table VIII.

    python benchmarks/meon.py CLEAN TEST WORK --out docs/bench/meon.md

CLEAN is a folder of clean pictures to train on, TEST one of others. Of both some are taken, evenly spread over their
names, and distorted by `dheads synth`. Some twenty minutes on an idle core; a run that was stopped goes on, and the
report is written anew after each seed, with what there is.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads.backbones.with_torch.meon import VARIANTS, Places
from distortion_heads.datasets.load import load_corpus
from distortion_heads.datasets.record import Record
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.metrics.correlation import plcc, srocc
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.build import Registry
from distortion_heads.synthesis.run import MANIFEST
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.features.records import RecordFeatures
from distortion_heads.training.networks.recipes import recipe_for
from distortion_heads.training.networks.two_steps import types_by_vote
from distortion_heads.training.runs.finetune import Fitted
from distortion_heads.training.runs.fit_records import fit_records
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob
from distortion_heads.training.runs.meon import PRISTINE

LABELS = ("jpeg2000", "jpeg", "white_noise", "gaussian_blur")
"""The four types of the paper's Table V, in its order."""

SEVERITIES = "2,3,4,5"
COMPARED = ("meon", "meon_relu", "meon_relu_norm")

TABLE_V = {
    "CSIQ": (0.847, 0.820, 0.947, 0.827, 0.667),
    "TID2013": (0.944, 0.968, 1.0, 0.848, 0.800),
    "Exploration": (0.985, 0.994, 1.0, 0.997, 0.436),
}
"""Recall of JPEG 2000, JPEG, white noise, blur and pristine, of MEON trained on LIVE."""

TABLE_VIII = {"meon": (0.932, 0.912), "meon_relu": (0.922, 0.891), "meon_relu_norm": (0.930, 0.918)}
"""Median SRCC on CSIQ and TID2013."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Figures of one run: shares of each true type (5, 5) that are taken for each type, correlations of the quality.

    `seconds`: CPU time of the training.
    """

    confusion: NDArray[np.float64]
    srocc: float
    plcc: float
    seconds: float


def main() -> int:
    options = parse()
    train = distorted(options.clean, options.work / "train", options.scenes)
    test = distorted(options.test, options.work / "test", options.test_scenes)
    registry, held_out = load_registry(), list(load_corpus(test).records)
    fit, validation = parts_of(load_corpus(train).records, options.scenes_used)
    found: dict[str, list[Figures]] = {name: [] for name in COMPARED}
    for seed in range(options.seeds):
        for name in COMPARED:
            began = time.process_time()
            fitted = trained(name, seed, fit, validation, options, registry)
            seconds = time.process_time() - began
            found[name].append(kept(options.work / f"{name}-{seed}.json", fitted, held_out, seconds, options))
            print(
                f"{name} {seed}: {np.diag(found[name][-1].confusion).round(3)} {found[name][-1].srocc:.3f}", flush=True
            )
        options.out.write_text(report(found, options, len(fit), len(validation), len(held_out)))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make docs/bench/meon.md.")
    parser.add_argument("clean", type=Path, metavar="CLEAN")
    parser.add_argument("test", type=Path, metavar="TEST")
    parser.add_argument("work", type=Path, metavar="WORK")
    parser.add_argument(
        "--scenes", type=int, default=200, help="clean pictures of CLEAN that are distorted (%(default)s)"
    )
    parser.add_argument("--scenes-used", type=int, default=200, help="of these, to train and validate (%(default)s)")
    parser.add_argument("--test-scenes", type=int, default=30, help="clean pictures of TEST (%(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each network (%(default)s)")
    parser.add_argument("--epochs", type=int, default=2, help="of each of the two steps (%(default)s)")
    parser.add_argument("--batch", type=int, default=24, help="pictures of a step (%(default)s)")
    parser.add_argument("--crops", type=int, default=1, help="of each picture of a step (%(default)s)")
    parser.add_argument("--rate", type=float, default=3e-3, help="of the first step (%(default)s)")
    parser.add_argument("--joint-rate", type=float, default=1e-3, help="of the second step (%(default)s)")
    parser.add_argument("--windows", type=int, default=2, help="of a test picture, at most (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("docs/bench/meon.md"), help="the report (%(default)s)")
    options = parser.parse_args()
    options.work = options.work.resolve()
    return options


def distorted(clean: Path, work: Path, count: int) -> Path:
    """Take some pictures, evenly spread over their names, and distort each in all ways."""
    pictures = sorted(path for path in clean.iterdir() if path.is_file())
    chosen, made = work / "clean", work / "distorted"
    chosen.mkdir(parents=True, exist_ok=True)
    for i in np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int):
        if not (chosen / pictures[i].name).exists():
            shutil.copyfile(pictures[i], chosen / pictures[i].name)
    if (made / MANIFEST).exists():  # which is written last
        return made
    command = ["synth", chosen, made, "--distortions", ",".join(LABELS), "--severities", SEVERITIES, "--jobs", "1"]
    words = [sys.executable, "-c", "from dheads_cli.main import main; main()", *map(str, command)]
    if subprocess.run(words, check=False).returncode:
        sys.exit(1)
    return made


def parts_of(records: Sequence[Record], count: int) -> tuple[list[Record], list[Record]]:
    """Take `count` scenes, evenly spread over their names, of which every ninth validates."""
    scenes = sorted({record.scene for record in records})
    used = [scenes[i * len(scenes) // count] for i in range(min(count, len(scenes)))]
    held = set(used[::9])
    fit = [record for record in records if record.scene in set(used) - held]
    return fit, [record for record in records if record.scene in held]


def trained(
    name: str,
    seed: int,
    fit: Sequence[Record],
    validation: Sequence[Record],
    options: argparse.Namespace,
    registry: Registry,
) -> Fitted:
    changes = {"epochs": options.epochs, "images_per_batch": options.batch, "random_patches": options.crops}
    rates = {"rate": options.rate, "backbone_rate": options.joint_rate}
    recipe = recipe_for("meon", seed=seed, **changes, **rates)
    run = options.work / "runs" / f"{name}-{seed}"
    site = TrainingJob(
        run=run,
        backbones=run / "backbone",
        cache=FeatureCache(run / "cache"),
        hashes=content_hashes([record.path for record in (*fit, *validation)]),
        registry=registry,
        report=lambda progress: print(
            f"\r{name} {seed}: {progress.step} of {progress.steps}, loss {progress.loss:.2f}", end="", file=sys.stderr
        ),
        command="python benchmarks/meon.py",
    )
    return fit_records(NetworkChoice(backbone=name, finetune="all", recipe=recipe), site, fit, validation, LABELS)


def kept(file: Path, fitted: Fitted, records: Sequence[Record], seconds: float, options: argparse.Namespace) -> Figures:
    """Measure on the test pictures, once."""
    if file.exists():
        found = json.loads(file.read_text())
        return Figures(**{**found, "confusion": np.array(found["confusion"])})
    figures = measured(fitted, records, seconds, options)
    file.write_text(json.dumps({**vars(figures), "confusion": figures.confusion.tolist()}))
    return figures


def measured(fitted: Fitted, records: Sequence[Record], seconds: float, options: argparse.Namespace) -> Figures:
    windows = windows_of(fitted.features, records, options.windows)
    places = Places.of(fitted.features.backbone.ref.dim, len(LABELS) + 1)
    answers = types_by_vote([found[:, places.logits] for found in windows])
    truth = np.array([LABELS.index(record.labels[0]) if record.severities else len(LABELS) for record in records])
    confusion = np.array([np.bincount(answers[truth == t], minlength=5) / (truth == t).sum() for t in range(5)])
    assert fitted.opinions is not None
    quality = np.array([_quality(found, places) for found in windows])
    opinions = fitted.opinions.of(records, load_registry())
    return Figures(
        confusion=confusion,
        srocc=srocc(quality, opinions) or 0.0,
        plcc=plcc(quality, opinions) or 0.0,
        seconds=seconds,
    )


def windows_of(features: RecordFeatures, records: Sequence[Record], most: int) -> list[NDArray[np.float32]]:
    from distortion_heads.io.images import load_image

    return [features.backbone.features(load_image(r.path), "native", max_windows=most) for r in records]


def _quality(windows: NDArray[np.float32], places: Places) -> float:
    z, s = windows[:, places.logits].astype(np.float64), windows[:, places.scores]
    p = np.exp(z - z.max(1, keepdims=True))
    return float(((p / p.sum(1, keepdims=True)) * s).sum(1).mean())


def report(found: dict[str, list[Figures]], options: argparse.Namespace, fit: int, validation: int, test: int) -> str:
    command = f"python benchmarks/meon.py data/pristine/train data/pristine/val WORK --seeds {options.seeds}"
    lines = [
        "# MEON at a small scale",
        "",
        f"    {command}",
        "",
        f"Four types at severities {SEVERITIES} by `dheads synth`, and clean pictures. {fit} pictures train, "
        f"{validation} validate, {test} others of {options.test_scenes} scenes test. Epochs of each of the two steps: "
        f"{options.epochs}; a step has {options.batch} pictures and {options.batch * options.crops} crops; rates "
        f"{options.rate:g} and {options.joint_rate:g}. The targets of quality are people's means by the strength of "
        f"the fault (KADID-10k). At most {options.windows} windows of a test picture are read. **The paper trains on "
        "LIVE's rated pictures, after 21,000 others, until nothing is gained any more: its figures stand beside ours "
        "for their order, not for their size.**",
        "",
        "## Recall of types (Table V)",
        "",
        "| | JPEG 2000 | JPEG | white noise | blur | pristine | mean |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, rows in found.items():
        if rows:
            recalls = np.array([np.diag(row.confusion) for row in rows])
            cells = [_spread(column) for column in [*recalls.T, recalls.mean(1)]]
            lines.append(f"| {VARIANTS[name].title}, {len(rows)} seeds | {' | '.join(cells)} |")
    lines += [f"| paper, {k} | {' | '.join(f'{v:.3f}' for v in (*row, np.mean(row)))} |" for k, row in TABLE_V.items()]
    lines += ["", "## What is taken for what (GDN, mean of the seeds)", ""]
    names = [*LABELS, PRISTINE]
    lines += [f"| true | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    if rows := found["meon"]:
        mean = np.mean([row.confusion for row in rows], 0)
        lines += [f"| {name} | {' | '.join(f'{v:.3f}' for v in row)} |" for name, row in zip(names, mean, strict=True)]
    lines += [
        "",
        "## Nonlinearity (Table VIII)",
        "",
        "| | numbers | SROCC | PLCC | CPU s to train | paper: SROCC on CSIQ | on TID2013 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, rows in found.items():
        if rows:
            cells = [_spread([getattr(row, key) for row in rows]) for key in ("srocc", "plcc")]
            theirs = " | ".join(f"{value:.3f}" for value in TABLE_VIII[name])
            seconds = np.median([row.seconds for row in rows])
            lines.append(
                f"| {VARIANTS[name].title} | {numbers(name):,} | {' | '.join(cells)} | {seconds:.0f} | {theirs} |"
            )
    lines += ["", "Median, and the least and the largest of the seeds.", ""]
    return "\n".join(lines)


def numbers(name: str) -> int:
    from distortion_heads.backbones.with_torch.meon import Meon

    return sum(value.numel() for value in Meon(len(LABELS) + 1, VARIANTS[name]).parameters())


def _spread(values: Sequence[float] | NDArray[np.float64]) -> str:
    return f"{np.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
