"""The ablation of Lai, Chu, Leng at a small scale: what of classes and pseudo-opinions a backbone should learn first.

    python benchmarks/lai.py CLEAN TEST WORK --out docs/bench/lai.md

CLEAN is a folder of clean pictures to train on, TEST one of others. Of CLEAN some are distorted as by `dheads synth
--levels dbcnn`, to learn first, others with the kinds of KADID-10k, whose mean opinions are then learnt; those of TEST
are judged. A run that was stopped goes on, and the report is written anew after each seed, with what there is.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.accuracy.bench import find_pictures
from distortion_heads.bench.pretraining.pictures import SIDE, kadid_specs, make_pictures, make_rated
from distortion_heads.bench.shared.kept import once
from distortion_heads.datasets.record import Record
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.metrics.correlation import fit_logistic, plcc, srocc
from distortion_heads.metrics.pseudo_opinion import LAI as SIX
from distortion_heads.registry.attached import load_registry
from distortion_heads.registry.build import Registry
from distortion_heads.synthesis.level_sets import level_set
from distortion_heads.synthesis.plan import SynthPlan, parse_severities
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.networks.recipes import recipe_for
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob
from distortion_heads.training.runs.learn_opinions import Learnt, find_classes, learn_opinions, learn_pseudo_opinions
from distortion_heads.training.runs.learn_scores import Parts, split_parts

SCHEMES = {"FT": (False, False), "CLS": (True, False), "REG": (False, True), "CLS+REG": (True, True)}
"""Names of the schemes, and whether classes and pseudo-opinions are learnt first."""

LOW, HIGH = 1.0, 5.0
BATCH = 16

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Pictures:
    scored: Sequence[Record]
    rated: Sequence[Record]
    test: Sequence[Record]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Figures of one run: shares of classes and distortions that are found; `seconds` of CPU to train."""

    srocc: float | None
    plcc: float | None
    classes: float | None
    distortions: float | None
    seconds: float


def main() -> int:
    options = parse()
    registry = load_registry()
    pictures = made(options, registry)
    found: dict[str, list[Figures]] = {name: [] for name in SCHEMES}
    for seed in range(options.seeds):
        for name in SCHEMES:
            run = partial(measured, name, seed, pictures, options, registry)
            file = options.work / "runs" / start_of(options) / f"{name}-{seed}.json"
            found[name].append(once(file, settings(options), run, lambda stored: Figures(**stored)))
            print(f"{name} {seed}: {found[name][-1]}", flush=True)
        options.out.write_text(report(found, pictures, options))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make docs/bench/lai.md.")
    parser.add_argument("clean", type=Path, metavar="CLEAN")
    parser.add_argument("test", type=Path, metavar="TEST")
    parser.add_argument("work", type=Path, metavar="WORK")
    add = partial(parser.add_argument, type=int)
    add("--scenes", default=6, help="clean pictures that are learnt first, 39 classes each (%(default)s)")
    add("--rated-scenes", default=10, help="others whose opinions are learnt, ten pictures each (%(default)s)")
    add("--test-scenes", default=16, help="of TEST, ten pictures each (%(default)s)")
    add("--seeds", default=3, help="runs of each scheme (%(default)s)")
    add("--epochs", default=8, help="of what is learnt first (%(default)s)")
    add("--rating-epochs", default=5, help="of the opinions (%(default)s)")
    add("--crop", default=64, help="side of what is learnt from (%(default)s)")
    add("--crops", default=4, help="of each rated picture in an epoch (%(default)s)")
    parser.add_argument("--backbone", default="dheads_small", help="(%(default)s)")
    parser.add_argument("--weights", default="none", help="where each scheme starts: none, own or a file (%(default)s)")
    parser.add_argument("--rate", type=float, default=1e-3, help="of what is learnt first (%(default)s)")
    parser.add_argument("--rating-rate", type=float, default=1e-3, help="of the opinions (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("docs/bench/lai.md"), help="the report (%(default)s)")
    options = parser.parse_args()
    options.work = options.work.resolve()
    return options


def settings(options: argparse.Namespace) -> dict[str, object]:
    """Return what decides the figures."""
    return {name: value for name, value in vars(options).items() if not isinstance(value, Path) and name != "seeds"}


def made(options: argparse.Namespace, registry: Registry) -> Pictures:
    """Make what is missing."""
    chosen = find_pictures(options.clean, options.scenes + options.rated_scenes)
    order = np.random.default_rng(0).permutation(len(chosen))
    first, second = ([chosen[i] for i in sorted(part)] for part in np.split(order, [options.scenes]))
    test = find_pictures(options.test, options.test_scenes)
    levels, kinds = level_set("dbcnn", {}), kadid_specs(registry)
    plan = SynthPlan(specs=levels.specs, severities=parse_severities("1,2,3,4,5"), levels=levels.levels)
    return Pictures(
        scored=make_pictures(options.work, "scored", first, plan, SIX, say),
        rated=make_rated(options.work, "rated", second, kinds, 1, say),
        test=make_rated(options.work, "test", test, kinds, 11, say),
    )


def say(stage: str, done: int, total: int) -> None:
    print(f"\r{stage}: {done} of {total}", end="\n" if done == total else "", file=sys.stderr)


def measured(name: str, seed: int, pictures: Pictures, options: argparse.Namespace, registry: Registry) -> Figures:
    began = time.process_time()
    first = learnt_first(name, seed, pictures, options, registry)
    weights = weights_of(options) if first is None else str(first.backbone.weights)
    site = site_of(f"{name}-{seed}/ratings", [*pictures.rated, *pictures.test], options, registry)
    parts = two_parts(pictures.rated, site, seed)
    own = {"epochs": options.rating_epochs, "random_patches": options.crops, "images_per_batch": BATCH}
    recipe = recipe_for("lai", seed=seed, crop=options.crop, **own, **rates(options.rating_rate))
    choice = NetworkChoice(backbone=options.backbone, weights=weights, finetune="all", recipe=recipe)
    done = learn_opinions(choice, site, parts, lambda records: (means(records) - LOW).astype(np.float32) / (HIGH - LOW))
    seconds = time.process_time() - began
    answers, opinions = answered(done, pictures.test), means(pictures.test)
    curve = fit_logistic(answers, opinions, 5)
    told: Mapping[str, float | None] = {} if first is None else first.told
    return Figures(
        srocc=srocc(answers, opinions),
        plcc=plcc(curve(answers) if curve else answers, opinions),
        classes=told.get("classes"),
        distortions=told.get("distortions"),
        seconds=seconds,
    )


def learnt_first(
    name: str, seed: int, pictures: Pictures, options: argparse.Namespace, registry: Registry
) -> Learnt | None:
    of_classes, of_scores = SCHEMES[name]
    if not (of_classes or of_scores):
        return None
    site = site_of(f"{name}-{seed}/first", pictures.scored, options, registry)
    parts = two_parts(pictures.scored, site, seed)
    rate = options.rate
    recipe = recipe_for(
        "lai", seed=seed, crop=options.crop, epochs=options.epochs, images_per_batch=BATCH, **rates(rate)
    )
    choice = NetworkChoice(backbone=options.backbone, weights=weights_of(options), finetune="all", recipe=recipe)
    classes = find_classes(pictures.scored) if of_classes else None
    return learn_pseudo_opinions(choice, site, {**parts, "test": parts["validation"]}, classes, scored=of_scores)


def weights_of(options: argparse.Namespace) -> str | None:
    return None if options.weights == "own" else str(options.weights)


def start_of(options: argparse.Namespace) -> str:
    return Path(options.weights).stem


def rates(rate: float) -> dict[str, float]:
    return {"rate": rate, "backbone_rate": rate, "score_rate": rate}


def two_parts(records: Sequence[Record], site: TrainingJob, seed: int) -> Parts:
    parts = split_parts(records, site.hashes, seed)
    return {"train": [*parts["train"], *parts["test"]], "validation": parts["validation"], "test": []}


def site_of(name: str, records: Sequence[Record], options: argparse.Namespace, registry: Registry) -> TrainingJob:
    run = options.work / "runs" / start_of(options) / name
    return TrainingJob(
        run=run,
        backbones=run / "backbone",
        cache=FeatureCache(run / "cache"),
        hashes=content_hashes([record.path for record in records]),
        registry=registry,
        report=lambda progress: say(f"{name}, step", progress.step, progress.steps),
        command="python benchmarks/lai.py",
    )


def means(records: Sequence[Record]) -> Floats:
    return np.array([record.mos for record in records], np.float64)


def answered(done: Learnt, records: Sequence[Record]) -> Floats:
    """Return what the head says of records, the mean over their windows."""
    found = []
    for windows in done.features.of(records, "native"):
        x = windows.astype(np.float32)
        for layer in done.layers:
            x = x @ layer.weight.T + layer.bias
            x = np.maximum(x, 0) if layer.activation == "relu" else x
        found.append(float(x.mean()))
    return np.array(found)


def report(found: Mapping[str, Sequence[Figures]], pictures: Pictures, options: argparse.Namespace) -> str:
    scored, rated, test = (len(part) for part in (pictures.scored, pictures.rated, pictures.test))
    names = {"none": "from random weights", "own": "from the weights that ship, which know kinds of distortion"}
    start = names.get(options.weights, f"from {Path(options.weights).name}")
    lines = [
        "# The ablation of Lai, Chu, Leng at a small scale",
        "",
        f"    {command(options)}",
        "",
        f"The middle {SIDE} x {SIDE} pixels of clean photographs. To learn first: {scored} pictures of "
        f"{options.scenes} scenes, DB-CNN's nine distortions at 39 levels; Adam at {options.rate:g}, {BATCH} a step, "
        f"epochs: {options.epochs}. Then opinions: {rated} pictures of {options.rated_scenes} other scenes, kinds of "
        f"KADID-10k at five levels; {options.rating_rate:g}, {BATCH} a step, epochs: {options.rating_epochs}, crops "
        f"of each picture in one: {options.crops}. A fifth of the scenes of each validates. Judged: {test} pictures of "
        f"{options.test_scenes} scenes of another folder. Crops have {options.crop} pixels a side. The backbone is "
        f"`{options.backbone}`, {start}. **No picture is rated by people**: an opinion is KADID-10k's mean for its "
        "kind and strength. **The paper starts from ImageNet, with ResNet50 and 853,000 pictures, and then learns "
        "people's ratings; it shows its ablation as bars without numbers, so that only its order can be held against "
        "ours.**",
        "",
        "| learnt first | SROCC | PLCC | classes right | distortions right | CPU s |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, rows in found.items():
        if rows:
            cells = [spread([getattr(row, key) for row in rows]) for key in ("srocc", "plcc", "classes", "distortions")]
            lines.append(f"| {TITLES[name]} | {' | '.join(cells)} | {np.median([row.seconds for row in rows]):.0f} |")
    count = max(map(len, found.values()))
    lines += [
        "",
        f"Median, and the least and the largest; seeds: {count}. They draw crops, order, new layers and the scenes "
        "that validate. PLCC is after a logistic of five parameters. Classes and distortions: shares of the pictures "
        "of the validation part that are told right.",
        "",
        f"Order by the median SROCC: {order(found)}. Lai, Chu, Leng: FT < CLS < REG < CLS+REG.",
        "",
    ]
    if count > 1:
        lines += ["| SROCC of each seed | " + " | ".join(found) + " |", "| --- |" + " ---: |" * len(found)]
        lines += [f"| {seed} | " + " | ".join(number(rows[seed].srocc) for rows in found.values()) + " |"
                  for seed in range(min(map(len, found.values())))]  # fmt: skip
        lines.append("")
    return "\n".join(lines)


TITLES = {
    "FT": "nothing (FT)",
    "CLS": "classes (CLS)",
    "REG": "pseudo-opinions (REG)",
    "CLS+REG": "both (CLS+REG)",
}


def command(options: argparse.Namespace) -> str:
    given = "".join(
        f" --{name.replace('_', '-')} {value}" for name, value in vars(options).items() if not isinstance(value, Path)
    )
    return f"python benchmarks/lai.py data/pristine/train data/pristine/val WORK{given}"


def order(found: Mapping[str, Sequence[Figures]]) -> str:
    medians = {name: float(np.median([row.srocc or 0.0 for row in rows])) for name, rows in found.items() if rows}
    return " < ".join(sorted(medians, key=lambda name: medians[name]))


def spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{np.median(known):.3f} ({min(known):.3f} to {max(known):.3f})" if known else "–"


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
