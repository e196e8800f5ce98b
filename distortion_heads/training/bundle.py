"""The recipe of the bundled weights: joint training of the backbone, then every head fitted on its frozen features."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from distortion_heads.architecture import Architecture, small
from distortion_heads.backbone import BackboneFile, dump_backbone, read_backbone
from distortion_heads.errors import DataError
from distortion_heads.spec import BackboneSpec, HeadSpec, Provenance
from distortion_heads.training.graph import build_graph
from distortion_heads.training.head import HeadCard, train_head
from distortion_heads.training.joint import Progress, Recipe, load_network, train_backbone
from distortion_heads.training.pictures import PicturePlan, collect, read_features
from distortion_heads.training.scenes import Scenes, find_scenes
from distortion_heads.weights import dump_head, write_atomic

NAME = "dheads_small"
MAX_FPR_CLEAN = 0.0025
"""Share of clean pictures on which one head may fire: with the nine first heads together about 2 in 100."""


@dataclass(frozen=True, kw_only=True)
class BundleOptions:
    """What `dheads train` is asked for. `fit_pictures` and `hold_pictures` are distorted pictures for the heads."""

    images: Path
    out: Path
    recipe: Recipe = field(default_factory=Recipe)
    architecture: Architecture = field(default_factory=small)
    fit_pictures: int = 14_000
    hold_pictures: int = 5_000
    device: str = "cpu"
    workers: int = 1
    compile_network: bool = False
    licenses: tuple[str, ...] = ()
    command: str = "dheads train"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Progress of a stage other than the joint training: `done` of `total`."""

    name: str
    done: int
    total: int
    detail: str = ""


Report = Callable[[Progress | Stage], None]


def train_bundle(options: BundleOptions, specs: Sequence[HeadSpec], report: Report = lambda progress: None) -> Path:
    """Train backbone and heads into `options.out`; a killed run goes on where it stopped.

    Writes `backbone/NAME.safetensors`, `backbone/NAME.onnx` and `heads/LABEL.safetensors`, and returns the folder.
    Raises `DataError` if there are no distortions to learn or too few pictures.
    """
    learnt = tuple(sorted((spec for spec in specs if spec.synthesize), key=lambda spec: spec.label))
    if not learnt:
        raise DataError("no installed head can synthesize its distortion; there is nothing to learn")
    scenes = find_scenes(options.images)
    backbone = _backbone(options, scenes, learnt, report)
    plans = [
        PicturePlan(
            folder=options.out / "features",
            name=f"{name}-{read_backbone(backbone.weights).ref.fingerprint[:12]}",
            scenes=paths,
            count=count,
            seed=options.recipe.seed,
            backbone=backbone,
            labels=tuple(spec.label for spec in learnt),
            emphasis=options.recipe.emphasis,
        )
        for name, paths, count in (
            ("fit", scenes.fit, options.fit_pictures),
            ("hold", scenes.hold, options.hold_pictures),
        )
    ]
    for plan in plans:
        for done in collect(plan, options.workers):
            report(Stage(name=f"features, {plan.name.split('-')[0]}", done=done, total=plan.count))
    _fit_heads(options, scenes, learnt, plans, read_backbone(backbone.weights), report)
    return options.out


def _backbone(options: BundleOptions, scenes: Scenes, specs: Sequence[HeadSpec], report: Report) -> BackboneSpec:
    """Train it, fold it and write it, unless that is done."""
    folder = options.out / "backbone"
    spec = BackboneSpec(name=NAME, weights=folder / f"{NAME}.safetensors", graph=folder / f"{NAME}.onnx")
    if (folder / f"{NAME}.onnx").exists():
        return spec
    network = train_backbone(
        options.out,
        scenes.fit,
        scenes.hold,
        specs,
        options.recipe,
        device=options.device,
        workers=options.workers,
        compile_network=options.compile_network,
        report=report,
        architecture=options.architecture,
    )
    info = {
        "recipe": asdict(options.recipe),
        "distortions": [spec.label for spec in specs],
        "scenes": {"fit": len(scenes.fit), "hold": len(scenes.hold), "sha256": scenes.sha256},
        "image_licenses": list(options.licenses),
        "command": options.command,
        "versions": _versions(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    architecture = network.backbone.architecture
    write_atomic(folder / f"{NAME}.safetensors", dump_backbone(NAME, architecture, network.backbone.folded(), info))
    write_atomic(folder / f"{NAME}.onnx", build_graph(architecture))
    return spec


def _fit_heads(
    options: BundleOptions,
    scenes: Scenes,
    specs: Sequence[HeadSpec],
    plans: Sequence[PicturePlan],
    backbone: BackboneFile,
    report: Report,
) -> None:
    """One head at a time, from the layers of the joint training, exactly as `dheads add-head` does."""
    folder = options.out / "heads"
    folder.mkdir(parents=True, exist_ok=True)
    network = load_network(options.out, options.architecture, specs, options.recipe)
    fit_set, hold_set = (read_features(plan) for plan in plans)
    sha256 = scenes.sha256
    for i, spec in enumerate(specs):
        fit, hold = fit_set.examples(i, spec.view), hold_set.examples(i, spec.view)
        provenance = Provenance(
            data=f"{options.images.name}: pictures distorted by this package",
            data_sha256=sha256,
            n_pos=int(fit.labels.sum()),
            n_neg=int((~fit.labels).sum()),
            seed=options.recipe.seed,
            command=options.command,
            versions=_versions(),
            image_licenses=options.licenses,
        )
        head = train_head(
            fit,
            hold,
            HeadCard(label=spec.label, title=spec.title, family=spec.family, view=spec.view),
            backbone.ref,
            provenance,
            seed=options.recipe.seed,
            max_fpr_clean=MAX_FPR_CLEAN,
            with_severity=True,
            start=network.heads.layers(i),
        )
        write_atomic(folder / f"{spec.label}.safetensors", dump_head(head))
        report(Stage(name="heads", done=i + 1, total=len(specs), detail=f"{spec.label} AUROC {head.metrics.auroc}"))


def _versions() -> dict[str, str]:
    packages = ("distortion-heads", "numpy", "onnxruntime", "scipy", "pillow", "torch")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
