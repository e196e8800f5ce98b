"""Heads added late to a backbone that never saw their distortion, against the same heads trained jointly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from distortion_heads._system.atomic import write_atomic
from distortion_heads.backbones.architecture import small
from distortion_heads.backbones.files import dump_backbone, read_backbone
from distortion_heads.backbones.open import load_backbone
from distortion_heads.backbones.with_torch.cell_graph import build_graph
from distortion_heads.bench.scalability.options import Report, ScalabilityOptions
from distortion_heads.bench.scalability.pictures import PictureSet, make_pictures
from distortion_heads.bench.shared.kept import once
from distortion_heads.datasets.clean_pictures import Scenes, find_scenes
from distortion_heads.datasets.own_data import read_data
from distortion_heads.datasets.shards import GROUP
from distortion_heads.datasets.split_by_content import split_by_content
from distortion_heads.errors import DataError
from distortion_heads.heads.head import HeadFile, Layer, Provenance
from distortion_heads.io.content_hashes import content_hashes
from distortion_heads.metrics.measure import measure
from distortion_heads.registry.build import Registry
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import LIGHT, BackboneSpec, HeadSpec
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.features.examples import Examples
from distortion_heads.training.features.extract import extract
from distortion_heads.training.features.labelled import Dataset, usable
from distortion_heads.training.heads.add_head import AddHeadRequest, train_and_attach
from distortion_heads.training.heads.train_head import UNSPECIFIED, HeadCard, answers_of, train_best_head
from distortion_heads.training.networks.loop import Progress
from distortion_heads.training.networks.recipes import ShardRecipe
from distortion_heads.training.networks.train_on_shards import load_network, train_backbone

JOINT = "joint"
STEPS_PER_SHARD, SHARD_USES = 8, 4
"""Each shard is enough for so many steps, and is seen so many times."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """On pictures of held-out scenes; F1 at the head's own threshold."""

    auroc: float
    f1: float


@dataclass(frozen=True, kw_only=True)
class LateHead:
    """One distortion. `late`: by number of pictures, added to a backbone that never saw it; `fresh`: the same on the
    backbone that did; `joint`: the head of the joint training, fitted further on the most pictures."""

    label: str
    late: Mapping[int, Score]
    fresh: Mapping[int, Score]
    joint: Score


def measure_incremental(options: ScalabilityOptions, registry: Registry, report: Report) -> tuple[LateHead, ...]:
    """Train, add, measure. What is done is kept in `options.work` and never done again; a killed run goes on.

    Raises `DataError` if `late` is not part of `bank` or no generator makes a distortion, and what training raises.
    """
    same = ("sizes", "widths", "steps", "batch", "test_pictures", "seed")
    decisive = {"bank": sorted(options.bank), **{name: getattr(options, name) for name in same}}
    options = replace(options, work=options.work / "incremental")
    once(options.work / "plan.json", decisive, lambda: None, lambda stored: stored)
    specs = check_bank(options, registry)
    bench = _Incremental(options, registry, report, specs, find_scenes(options.images))
    figures = options.work / "figures"
    late = [spec for label in options.late for spec in specs if spec.label == label]
    return tuple(
        once(figures / f"{spec.label}.json", decisive, partial(bench.measure, spec), _late_head) for spec in late
    )


def check_bank(options: ScalabilityOptions, registry: Registry) -> tuple[HeadSpec, ...]:
    """Return the specs of the bank, sorted. Raises `DataError` or `UnknownHeadError`."""
    specs = tuple(registry.head(label).spec for label in sorted(options.bank))
    for spec in specs:
        if spec.synthesize is None:
            raise DataError(f"no plugin can make {spec.label!r}: leave it out of --bank")
    if missing := set(options.late) - set(options.bank):
        raise DataError(f"{sorted(missing)[0]!r} is in --late but not in --bank: add it there")
    if len(options.bank) < 2:
        raise DataError("--bank needs two distortions or more")
    return specs


@dataclass(frozen=True)
class _Incremental:
    """One run, in the folder `options.work`, on the bank `specs`."""

    options: ScalabilityOptions
    registry: Registry
    report: Report
    specs: tuple[HeadSpec, ...]
    scenes: Scenes

    @property
    def recipe(self) -> ShardRecipe:
        """The recipe of all trainings; hardly any overviews are made if no head of the bank reads them."""
        native, steps = self.options.batch, self.options.steps
        overview = native if any(spec.view != "native" for spec in self.specs) else GROUP
        return ShardRecipe(
            steps=steps,
            distinct_shards=max(1, -(-steps // (STEPS_PER_SHARD * SHARD_USES))),
            shard_native=native * STEPS_PER_SHARD,
            shard_overview=overview * STEPS_PER_SHARD,
            native=native,
            overview=overview,
            emphasis=(),
            warmup=max(1, min(200, steps // 10)),
            seed=self.options.seed,
        )

    def measure(self, spec: HeadSpec) -> LateHead:
        """Return the scores of the heads for the distortion of `spec`."""
        options = self.options
        joint, without = self.train(None), self.train(spec)
        fit = self.pictures(spec, "fit", self.scenes.fit, max(options.sizes))
        test = self.pictures(spec, "test", self.scenes.hold, options.test_pictures)
        scores: list[dict[int, Score]] = []
        for name, backbone in ((JOINT, joint), ("without", without)):
            held_out, by_size = self.examples(test, spec, backbone), {}
            for done, size in enumerate(options.sizes):
                self.report(f"{spec.label}, heads on {name}", done, len(options.sizes))
                by_size[size] = _score(self.add(fit, spec, size, backbone), held_out)
            scores.append(by_size)
        best = _score(self.joint_head(fit, spec, joint), self.examples(test, spec, joint))
        return LateHead(label=spec.label, late=scores[1], fresh=scores[0], joint=best)

    def train(self, without: HeadSpec | None) -> BackboneSpec:
        """Train a backbone on the bank, less one distortion if that is given, unless it is done."""
        name = JOINT if without is None else f"without-{without.label}"
        run = self.options.work / "runs" / name
        backbone = BackboneSpec(name=f"bench_{name}", weights=run / "backbone.safetensors", graph=run / "backbone.onnx")
        if (run / "backbone.onnx").exists():
            return backbone
        specs = [spec for spec in self.specs if spec is not without]

        def show(progress: Progress) -> None:
            self.report(f"training, {name}", progress.step, progress.steps)

        network = train_backbone(
            run,
            self.scenes.fit,
            self.scenes.hold,
            specs,
            self.recipe,
            workers=self.options.workers,
            architecture=small(self.options.widths),
            report=show,
        )
        architecture = network.backbone.architecture
        info = {"recipe": asdict(self.recipe), "distortions": [spec.label for spec in specs]}
        weights = dump_backbone(backbone.name, architecture, network.backbone.folded(), info)
        write_atomic(run / "backbone.safetensors", weights)
        write_atomic(run / "backbone.onnx", build_graph(architecture))
        return backbone

    def pictures(self, spec: HeadSpec, part: str, scenes: tuple[Path, ...], count: int) -> PictureSet:
        """Return `count` pictures with the distortion and as many without, made if they are not there."""
        pictures = PictureSet(
            folder=self.options.work / "pictures" / spec.label / part,
            scenes=scenes,
            late=spec.label,
            bank=tuple(sorted(self.options.bank)),
            view=spec.view,
            count=count,
            seed=self.options.seed + (part == "test"),
        )
        for done in make_pictures(pictures, self.options.workers):
            self.report(f"{spec.label}, pictures to {part}", done, 2 * count)
        return pictures

    def add(self, fit: PictureSet, spec: HeadSpec, size: int, backbone: BackboneSpec) -> HeadFile:
        """Fit a head as `dheads add-head` does, under another label, as the distortion's own may be taken."""
        folder = self.options.work / "heads" / backbone.name
        folder.mkdir(parents=True, exist_ok=True)
        request = AddHeadRequest(
            label=f"late_{spec.label}",
            data=fit.write_csv(fit.folder / f"{size}.csv", size),
            view=spec.view,
            family=spec.family,
            seed=self.options.seed,
            rivals=False,
            force=True,
            out=folder / f"late_{spec.label}-{size}.safetensors",
        )
        store = Store(self.options.work / "home")
        return train_and_attach(request, store, self.registry, backbone=backbone, cache=self.cache).head

    def joint_head(self, fit: PictureSet, spec: HeadSpec, backbone: BackboneSpec) -> HeadFile:
        """Fit a head on the most pictures, as `dheads train` does: the better one on held-out pictures.

        One begins at the joint training's layers, the other at random weights.
        """
        run, seed = self.options.work / "runs" / JOINT, self.options.seed
        network = load_network(run, small(self.options.widths), self.specs, self.recipe)
        first, last = network.heads.layers(self.specs.index(spec))
        presence = Layer(weight=last.weight[:1], bias=last.bias[:1], activation=last.activation)
        data = self.dataset(fit, spec, backbone)
        split = split_by_content(data.images, [found.scene for found in data.features], seed)
        return train_best_head(
            data.examples(split.fit),
            data.examples(split.hold),
            HeadCard(label=spec.label, title=spec.title, family=spec.family, license=UNSPECIFIED, view=spec.view),
            read_backbone(backbone.weights).ref,
            Provenance(data="", data_sha256=data.sha256, n_pos=0, n_neg=0, seed=seed, command=""),
            [None] if spec.view == LIGHT else [None, (first, presence)],
            seed=seed,
        )

    def dataset(self, pictures: PictureSet, spec: HeadSpec, backbone: BackboneSpec) -> Dataset:
        """Return the features of all pictures."""
        source = pictures.write_csv(pictures.folder / "all.csv", pictures.count)
        images = read_data(source, spec.label)
        hashes = content_hashes([image.path for image in images])
        engine = load_backbone(backbone, threads=1)
        return usable(images, extract(images, hashes, engine, spec.view, self.cache), hashes, source)

    def examples(self, pictures: PictureSet, spec: HeadSpec, backbone: BackboneSpec) -> Examples:
        """Return all pictures as examples."""
        data = self.dataset(pictures, spec, backbone)
        return data.examples(np.arange(len(data.images)))

    @property
    def cache(self) -> FeatureCache:
        """Where features are kept."""
        return FeatureCache(self.options.work / "cache")


def _score(head: HeadFile, test: Examples) -> Score:
    probabilities = answers_of(head, test)
    metrics = measure(probabilities, test.labels, test.clean, head.threshold.value, "held-out scenes")
    assert metrics.auroc is not None
    assert metrics.f1 is not None
    return Score(auroc=metrics.auroc, f1=metrics.f1)


def _late_head(stored: dict[str, Any]) -> LateHead:
    by_size = {name: {int(n): Score(**score) for n, score in stored[name].items()} for name in ("late", "fresh")}
    return LateHead(label=stored["label"], joint=Score(**stored["joint"]), **by_size)
