"""The learning schemes of DeepFL-IQA side by side (Lin, Hosu, Saupe 2020, section V), with our means for ratings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from distortion_heads.bench.pretraining.pictures import PictureSets
from distortion_heads.bench.shared.kept import once
from distortion_heads.datasets.record import Record
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.metrics.correlation import fit_logistic, plcc, srocc
from distortion_heads.registry.build import Registry
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.networks.recipes import DEEPFL, SHALLOW_RATES, RecordRecipe, shallow
from distortion_heads.training.runs.finetune import TrainedTowers
from distortion_heads.training.runs.job import NetworkChoice, TrainingJob
from distortion_heads.training.runs.learn_scores import (
    fit_equalizers,
    learn_ratings,
    learn_scores,
    predicted,
    split_parts,
)

CROP = 128
SINGLE = ("vsi", "ssim")
"""Metrics that a network learns alone, as in the paper."""

RATE = 3e-4
"""Rate of the whole network: pictures are few here, where the paper takes 1e-4 with 600,000."""

PENALTY = 10.0
"""Penalty of the support vector machine."""

Floats = NDArray[np.float64]
Scored = Callable[[Sequence[Record]], Floats]


@dataclass(frozen=True, kw_only=True)
class SchemePlan:
    """`epochs` of whole networks, of the regression, and how often the rated scenes are drawn anew."""

    epochs: int = 10
    regression_epochs: int = 30
    repetitions: int = 3
    seed: int = 0
    backbone: str = "dheads_small"
    weights: str | None = None


@dataclass(frozen=True, kw_only=True)
class SchemeRow:
    """Medians over the repetitions, on rated scenes that nothing was fitted on; `paper`: SROCC on KADID-10k."""

    name: str
    srocc: float | None
    plcc: float | None
    paper: float


def compare_schemes(
    sets: PictureSets, plan: SchemePlan, registry: Registry, work: Path, progress: Callable[[str], None]
) -> tuple[SchemeRow, ...]:
    """Train every scheme; what a stopped run trained is there when it goes on."""
    bench = _Schemes(sets, plan, registry, work, progress)
    start, scores = plan.weights, bench.learnt("all metrics", None)
    rows = [
        bench.row("fine-tuned from the start", 0.731, partial(bench.finetuned, start)),
        bench.row("fine-tuned from scores", 0.908, partial(bench.finetuned, scores)),
        bench.row("features of the start, regression", 0.706, partial(bench.shallow, start)),
        bench.row("features from scores, regression (DeepFL)", 0.936, partial(bench.shallow, scores)),
        bench.row("features from scores, SVR", 0.930, partial(bench.machine, scores)),
    ]
    for name, paper in zip(SINGLE, (0.927, 0.923), strict=True):
        alone = bench.learnt(f"{name} alone", name)
        title = f"features from {name.upper()} alone, regression"
        rows.append(bench.row(title, paper, partial(bench.shallow, alone)))
    return tuple(rows)


Parts = Mapping[str, Sequence[Record]]


@dataclass(frozen=True, eq=False)
class _Schemes:
    sets: PictureSets
    plan: SchemePlan
    registry: Registry
    work: Path
    progress: Callable[[str], None]

    @property
    def recipe(self) -> RecordRecipe:
        """Return how whole networks are trained here."""
        plan = self.plan
        return replace(
            DEEPFL, crop=CROP, epochs=plan.epochs, patience=plan.epochs, images_per_batch=16, rate=RATE,
            backbone_rate=RATE, seed=plan.seed,
        )  # fmt: skip

    def learnt(self, name: str, metric: str | None) -> str:
        """Return the weights of a network that learnt the scores of all metrics, or of one."""
        self.progress(f"network: {name}")
        records = self.sets.scored
        site = self._site(f"scores-{metric or 'all'}", records)
        parts = split_parts(records, site.hashes, self.plan.seed)
        parts = {"train": [*parts["train"], *parts["test"]], "validation": parts["validation"]}
        maps = fit_equalizers(parts["train"])
        chosen = maps if metric is None else {metric: maps[metric]}
        choice = NetworkChoice(
            backbone=self.plan.backbone, weights=self.plan.weights, finetune="all", recipe=self.recipe
        )
        return str(learn_scores(choice, site, parts, chosen).backbone.weights)

    def row(self, name: str, paper: float, scheme: Callable[[Parts, TrainingJob], Scored]) -> SchemeRow:
        """Return the figures of a scheme on the rated pictures, measured once for each `work`."""
        same = asdict(self.plan) | {"scored": len(self.sets.scored), "rated": len(self.sets.rated)}
        file = self.work / "schemes" / f"{name.replace(' ', '-')}.json"
        return once(file, same, lambda: self._measured(name, paper, scheme), lambda stored: SchemeRow(**stored))

    def _measured(self, name: str, paper: float, scheme: Callable[[Parts, TrainingJob], Scored]) -> SchemeRow:
        found = []
        for repetition in range(self.plan.repetitions):
            self.progress(f"{name}, {repetition + 1} of {self.plan.repetitions}")
            site = self._site(f"rated/{name.replace(' ', '-')}-{repetition}", self.sets.rated)
            parts = split_parts(self.sets.rated, site.hashes, self.plan.seed + repetition)
            answers = scheme(parts, site)(parts["test"])
            found.append(_figures(answers, np.array([record.mos for record in parts["test"]], np.float64)))
        rank, linear = ([pair[i] for pair in found if pair[i] is not None] for i in (0, 1))
        return SchemeRow(
            name=name,
            srocc=median(rank) if rank else None,  # type: ignore[type-var]
            plcc=median(linear) if linear else None,  # type: ignore[type-var]
            paper=paper,
        )

    def finetuned(self, weights: str | None, parts: Parts, site: TrainingJob) -> Scored:
        """Train the whole network on ratings."""
        choice = NetworkChoice(backbone=self.plan.backbone, weights=weights, finetune="all", recipe=self.recipe)
        return _first(learn_ratings(choice, site, parts, ENDS, (RATE,)))

    def shallow(self, weights: str | None, parts: Parts, site: TrainingJob) -> Scored:
        """Learn ratings from the features of a frozen network."""
        epochs = self.plan.regression_epochs
        recipe = replace(shallow(self.recipe), epochs=epochs, patience=epochs)
        choice = NetworkChoice(backbone=self.plan.backbone, weights=weights, recipe=recipe)
        return _first(learn_ratings(choice, site, parts, ENDS, SHALLOW_RATES))

    def machine(self, weights: str | None, parts: Parts, site: TrainingJob) -> Scored:
        """Fit a support vector machine to the same features."""
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVR

        recipe = replace(shallow(self.recipe), epochs=1, patience=1)
        choice = NetworkChoice(backbone=self.plan.backbone, weights=weights, recipe=recipe)
        features = learn_ratings(choice, site, parts, ENDS, SHALLOW_RATES[-1:]).features

        def means(records: Sequence[Record]) -> Floats:
            return np.stack([windows.astype(np.float64).mean(0) for windows in features.of(records, "native")])

        opinions = np.array([record.mos for record in parts["train"]], np.float64)
        fitted = make_pipeline(StandardScaler(), SVR(C=PENALTY)).fit(means(parts["train"]), opinions)
        return lambda records: np.asarray(fitted.predict(means(records)), np.float64)

    def _site(self, name: str, records: Sequence[Record]) -> TrainingJob:
        folder = self.work / name
        return TrainingJob(
            run=folder,
            backbones=folder / "backbone",
            cache=FeatureCache(self.work / "cache"),
            hashes=content_hashes([record.path for record in records]),
            registry=self.registry,
        )


ENDS = (1.0, 5.0)
"""The scale of the opinions."""


def _first(done: TrainedTowers) -> Scored:
    return lambda records: predicted(done, records)[:, 0]


def _figures(answers: Floats, opinions: Floats) -> tuple[float | None, float | None]:
    curve = fit_logistic(answers, opinions, 5)
    return srocc(answers, opinions), plcc(curve(answers) if curve else answers, opinions)
