"""Heads added late to a backbone that never saw their distortion, against the same heads trained jointly."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from distortion_heads._system.atomic import write_atomic
from distortion_heads.backbones.architecture import WIDTHS, small
from distortion_heads.backbones.files import dump_backbone, read_backbone
from distortion_heads.backbones.open import load_backbone
from distortion_heads.backbones.with_torch.cell_graph import build_graph
from distortion_heads.bench.scalability.pictures import PictureSet, make_pictures
from distortion_heads.bench.scalability.shards import share_shards
from distortion_heads.datasets.clean_pictures import Scenes, find_scenes
from distortion_heads.datasets.own_data import read_data
from distortion_heads.datasets.split_by_content import split_by_content
from distortion_heads.errors import DataError
from distortion_heads.heads.head import HeadFile, Layer, Provenance
from distortion_heads.io.image_hashes import content_hashes
from distortion_heads.metrics.measure import measure
from distortion_heads.registry.build import Registry
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import LIGHT, BackboneSpec, HeadSpec
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.features.examples import Examples
from distortion_heads.training.features.extract import extract
from distortion_heads.training.features.labelled import Dataset, usable
from distortion_heads.training.heads.add_head import AddHeadRequest, train_and_attach
from distortion_heads.training.heads.calibration import image_probabilities
from distortion_heads.training.heads.train_head import UNSPECIFIED, HeadCard, train_best_head, window_logits
from distortion_heads.training.networks.loop import Progress
from distortion_heads.training.networks.shards import GROUP
from distortion_heads.training.networks.train_on_shards import ShardRecipe, load_network, train_backbone

JOINT = "joint"
SIZES = (20, 50, 100, 500, 2000)
STEPS_PER_SHARD, SHARD_USES = 8, 4
"""Each shard is enough for so many steps, and is seen so many times."""

Report = Callable[[str, float, float], None]
"""Called with the name of the stage, what is done of it, and how much there is."""


@dataclass(frozen=True, kw_only=True)
class IncrementalPlan:
    """Everything that decides the figures, but for `work` and `workers`.

    `bank`: the distortions of the joint training; `late`: those that are taken out, one at a time; `sizes`: pictures
    with the distortion, to which as many without are added; `widths`: channels of the backbone's five levels;
    `batch`: native samples of a step, and as many overviews if any head reads them.
    """

    images: Path
    work: Path
    bank: tuple[str, ...]
    late: tuple[str, ...]
    sizes: tuple[int, ...] = SIZES
    widths: tuple[int, int, int, int, int] = WIDTHS
    steps: int = 8_000
    batch: int = 80
    test_pictures: int = 400
    seed: int = 0
    workers: int = 1

    def recipe(self, specs: Sequence[HeadSpec]) -> ShardRecipe:
        """Of all trainings; without a head in `specs`, the whole bank, that reads the overview, hardly any are made."""
        native = self.batch
        overview = native if any(spec.view != "native" for spec in specs) else GROUP
        return ShardRecipe(
            steps=self.steps,
            distinct_shards=max(1, -(-self.steps // (STEPS_PER_SHARD * SHARD_USES))),
            shard_native=native * STEPS_PER_SHARD,
            shard_overview=overview * STEPS_PER_SHARD,
            native=native,
            overview=overview,
            emphasis=(),
            warmup=max(1, min(200, self.steps // 10)),
            seed=self.seed,
        )


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


def measure_incremental(plan: IncrementalPlan, registry: Registry, report: Report) -> tuple[LateHead, ...]:
    """Train, add, measure. What is done is kept in `plan.work` and never done again; a killed run goes on.

    Raises `DataError` if `late` is not part of `bank` or no generator makes a distortion, and what training raises.
    """
    specs = check_bank(plan, registry)
    scenes = find_scenes(plan.images)
    results = []
    for label in plan.late:
        kept = plan.work / "figures" / f"{label}.json"
        if not kept.exists():
            found = _measure_late(plan, scenes, specs, label, registry, report)
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(kept, json.dumps(asdict(found)).encode())
        results.append(_read(kept))
    return tuple(results)


def check_bank(plan: IncrementalPlan, registry: Registry) -> tuple[HeadSpec, ...]:
    """The specs of the bank, sorted. Raises `DataError` or `UnknownHeadError`."""
    specs = tuple(registry.head(label).spec for label in sorted(plan.bank))
    for spec in specs:
        if spec.synthesize is None:
            raise DataError(f"no plugin can make {spec.label!r}: leave it out of --bank")
    if missing := set(plan.late) - set(plan.bank):
        raise DataError(f"{sorted(missing)[0]!r} is in --late but not in --bank: add it there")
    if len(plan.bank) < 2:
        raise DataError("--bank needs two distortions or more")
    return specs


def _measure_late(
    plan: IncrementalPlan,
    scenes: Scenes,
    specs: Sequence[HeadSpec],
    label: str,
    registry: Registry,
    report: Report,
) -> LateHead:
    spec = next(spec for spec in specs if spec.label == label)
    joint = train(plan, scenes, specs, None, report)
    without = train(plan, scenes, specs, spec, report)
    fit = _pictures(plan, spec, "fit", scenes.fit, max(plan.sizes), report)
    test = _pictures(plan, spec, "test", scenes.hold, plan.test_pictures, report)
    scores: dict[str, dict[int, Score]] = {JOINT: {}, "without": {}}
    for name, backbone in ((JOINT, joint), ("without", without)):
        held_out = _examples(plan, test, spec, backbone)
        for done, size in enumerate(plan.sizes):
            report(f"{label}, heads on {name}", done, len(plan.sizes))
            scores[name][size] = _score(_add(plan, fit, spec, size, backbone, registry), held_out)
    best = _score(_joint_head(plan, fit, specs, spec, joint), _examples(plan, test, spec, joint))
    return LateHead(label=label, late=scores["without"], fresh=scores[JOINT], joint=best)


def train(
    plan: IncrementalPlan, scenes: Scenes, bank: Sequence[HeadSpec], without: HeadSpec | None, report: Report
) -> BackboneSpec:
    """Train a backbone on the bank, less one distortion if that is given, unless it is done. The whole bank first."""
    name = JOINT if without is None else f"without-{without.label}"
    run = plan.work / "runs" / name
    backbone = BackboneSpec(name=f"bench_{name}", weights=run / "backbone.safetensors", graph=run / "backbone.onnx")
    if (run / "backbone.onnx").exists():
        return backbone
    recipe = plan.recipe(bank)
    if without is not None:
        report(f"shards, {name}", 0, 1)
        share_shards(plan.work / "runs" / JOINT, run, scenes, recipe, bank, without)
    specs = [spec for spec in bank if spec is not without]

    def show(progress: Progress) -> None:
        report(f"training, {name}", progress.step, progress.steps)

    network = train_backbone(
        run,
        scenes.fit,
        scenes.hold,
        specs,
        recipe,
        workers=plan.workers,
        architecture=small(plan.widths),
        report=show,
    )
    architecture = network.backbone.architecture
    info = {"recipe": asdict(recipe), "distortions": [spec.label for spec in specs]}
    write_atomic(
        run / "backbone.safetensors", dump_backbone(backbone.name, architecture, network.backbone.folded(), info)
    )
    write_atomic(run / "backbone.onnx", build_graph(architecture))
    return backbone


def _pictures(
    plan: IncrementalPlan, spec: HeadSpec, part: str, scenes: tuple[Path, ...], count: int, report: Report
) -> PictureSet:
    pictures = PictureSet(
        folder=plan.work / "pictures" / spec.label / part,
        scenes=scenes,
        late=spec.label,
        bank=tuple(sorted(plan.bank)),
        view=spec.view,
        count=count,
        seed=plan.seed + (part == "test"),
    )
    for done in make_pictures(pictures, plan.workers):
        report(f"{spec.label}, pictures to {part}", done, 2 * count)
    return pictures


def _add(
    plan: IncrementalPlan, fit: PictureSet, spec: HeadSpec, size: int, backbone: BackboneSpec, registry: Registry
) -> HeadFile:
    """By `dheads add-head` itself, under another label, as the distortion's own may be taken."""
    folder = plan.work / "heads" / backbone.name
    folder.mkdir(parents=True, exist_ok=True)
    request = AddHeadRequest(
        label=f"late_{spec.label}",
        data=fit.write_csv(fit.folder / f"{size}.csv", size),
        view=spec.view,
        family=spec.family,
        seed=plan.seed,
        force=True,
        out=folder / f"late_{spec.label}-{size}.safetensors",
    )
    store = Store(plan.work / "home")
    return train_and_attach(request, store, registry, backbone=backbone, cache=_cache(plan)).head


def _joint_head(
    plan: IncrementalPlan, fit: PictureSet, specs: Sequence[HeadSpec], spec: HeadSpec, backbone: BackboneSpec
) -> HeadFile:
    """On the most pictures, as `dheads train` fits its heads: from the joint training's layers and from random weights.

    The one that is better on held-out pictures.
    """
    run = plan.work / "runs" / JOINT
    network = load_network(run, small(plan.widths), specs, plan.recipe(specs))
    first, last = network.heads.layers(list(specs).index(spec))
    presence = Layer(weight=last.weight[:1], bias=last.bias[:1], activation=last.activation)
    data = _dataset(plan, fit, spec, backbone)
    split = split_by_content(data.images, [found.scene for found in data.features], plan.seed)
    return train_best_head(
        data.examples(split.fit),
        data.examples(split.hold),
        HeadCard(label=spec.label, title=spec.title, family=spec.family, license=UNSPECIFIED, view=spec.view),
        read_backbone(backbone.weights).ref,
        Provenance(data="", data_sha256=data.sha256, n_pos=0, n_neg=0, seed=plan.seed, command=""),
        [None] if spec.view == LIGHT else [None, (first, presence)],
        seed=plan.seed,
    )


def _dataset(plan: IncrementalPlan, pictures: PictureSet, spec: HeadSpec, backbone: BackboneSpec) -> Dataset:
    source = pictures.write_csv(pictures.folder / "all.csv", pictures.count)
    images = read_data(source, spec.label)
    hashes = content_hashes([image.path for image in images])
    engine = load_backbone(backbone, threads=1)
    return usable(images, extract(images, hashes, engine, spec.view, _cache(plan)), hashes, source)


def _examples(plan: IncrementalPlan, pictures: PictureSet, spec: HeadSpec, backbone: BackboneSpec) -> Examples:
    data = _dataset(plan, pictures, spec, backbone)
    return data.examples(np.arange(len(data.images)))


def _score(head: HeadFile, test: Examples) -> Score:
    calibration = head.calibration
    logits = window_logits(head, test)
    probabilities = image_probabilities(logits, test.starts, calibration.scale, calibration.offset)
    metrics = measure(probabilities, test.labels, test.clean, head.threshold.value, "held-out scenes")
    assert metrics.auroc is not None
    assert metrics.f1 is not None
    return Score(auroc=metrics.auroc, f1=metrics.f1)


def _cache(plan: IncrementalPlan) -> FeatureCache:
    return FeatureCache(plan.work / "cache")


def _read(kept: Path) -> LateHead:
    try:
        stored = json.loads(kept.read_text())
        by_size = {
            name: {int(size): Score(**score) for size, score in stored[name].items()} for name in ("late", "fresh")
        }
        return LateHead(label=stored["label"], joint=Score(**stored["joint"]), **by_size)
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{kept} is damaged: remove it and run the bench again") from None
