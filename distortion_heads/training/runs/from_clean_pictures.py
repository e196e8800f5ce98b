"""The recipe of the bundled weights: joint training of the backbone, then every head fitted on its frozen features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from safetensors import SafetensorError

from distortion_heads._system.atomic import check_writable, write_atomic
from distortion_heads._system.errors_text import reason
from distortion_heads.backbones.architecture import Architecture, small
from distortion_heads.backbones.files import dump_backbone, read_backbone
from distortion_heads.backbones.open import load_backbone
from distortion_heads.backbones.with_torch.cell_graph import build_graph
from distortion_heads.datasets.clean_pictures import Scenes, find_scenes
from distortion_heads.datasets.wild import clean_ones
from distortion_heads.errors import BackboneError, DataError, WorkerDiedError
from distortion_heads.spec import FAMILY, BackboneSpec, HeadSpec
from distortion_heads.training.heads.train_head import UNSPECIFIED, check_line
from distortion_heads.training.networks.loop import Progress
from distortion_heads.training.networks.recipes import ShardRecipe
from distortion_heads.training.networks.train_on_shards import load_network, train_backbone
from distortion_heads.training.runs.distorted_pictures import PicturePlan, collect, read_features
from distortion_heads.training.runs.fit_bundled_heads import HeadsJob, Rivals, fit_heads, provenance_of
from distortion_heads.training.runs.job import versions

NAME = "dheads_small"


RIVALS = {("blur",): 4 / 5, ("exposure", "light"): 1 / 2}
"""Families whose members look alike: among all distortions too few pictures would tell one from the other.

How many pictures of such families alone there are, for one picture of all distortions.
"""


@dataclass(frozen=True, kw_only=True)
class BundleOptions:
    """The request to `dheads train`. `fit_pictures` and `hold_pictures` are distorted pictures for the heads.

    `wild` is a folder of pictures as they were found, with its list, whose clean ones get mixtures too. `start` is a
    checkpoint of another run with the same heads, or a backbone's file, whose weights this one begins with.
    """

    images: Path
    out: Path
    recipe: ShardRecipe = field(default_factory=ShardRecipe)
    architecture: Architecture = field(default_factory=small)
    fit_pictures: int = 30_000
    hold_pictures: int = 5_000
    device: str = "cpu"
    workers: int = 1
    compile_network: bool = False
    wild: Path | None = None
    start: Path | None = None
    licenses: tuple[str, ...] = ()
    head_license: str = UNSPECIFIED
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
    Raises `DataError` if there are no distortions to learn, too few pictures or one that cannot be decoded, or if `out`
    cannot be written, holds another run or damaged files; and if a worker process is killed. Raises `BackboneError` if
    the backbone that was written before is damaged.
    """
    with _advice(options.out):
        _check_writable(options.out)
        _train(options, specs, report)
    return options.out


@contextmanager
def _advice(out: Path) -> Iterator[None]:
    """Turn what the user's machine or files may do to a run into `DataError`."""
    try:
        yield
    except WorkerDiedError:
        raise DataError(
            "a worker process was killed, perhaps for lack of memory: run it again, with fewer --workers; "
            "it goes on where it stopped"
        ) from None
    except BackboneError as error:
        raise BackboneError(f"{error}; remove {out / 'backbone'}, and run it again") from None
    except SafetensorError as error:
        raise DataError(
            f"a file in {out} is damaged ({error}): remove {out / 'shards'} and {out / 'features'}, and run it again"
        ) from None
    except OSError as error:
        raise DataError(
            f"{error.filename or out}: {reason(error).lower()}; mend that and run it again, or give another --out"
        ) from None


def _check_writable(out: Path) -> None:
    """Raise `DataError` if `out`, or the folder that it would be made in, cannot be written to."""
    try:
        check_writable(out)
    except OSError as error:
        raise DataError(f"{error.filename} cannot be written to: {reason(error).lower()}; give another --out") from None


def _train(options: BundleOptions, specs: Sequence[HeadSpec], report: Report) -> None:
    learnt = tuple(sorted((spec for spec in specs if spec.synthesize), key=lambda spec: spec.label))
    if not learnt:
        raise DataError("no installed head can synthesize its distortion; there is nothing to learn")
    for text in (*options.licenses, options.head_license):
        check_line("licence", text)
    scenes = find_scenes(
        options.images, report=lambda done, total: report(Stage(name="pictures", done=done, total=total))
    )
    taught = (*learnt, *_families(specs, learnt))
    backbone = _backbone(options, scenes, taught, report)
    load_backbone(backbone, threads=1)  # a worker that cannot would print a traceback
    fit = PicturePlan(
        folder=options.out / "features",
        name="fit",
        scenes=scenes.fit,
        count=options.fit_pictures,
        seed=options.recipe.seed,
        backbone=backbone,
        labels=tuple(spec.label for spec in learnt),
    )
    hold = replace(fit, name="hold", scenes=scenes.hold, count=options.hold_pictures)
    plans = [fit, hold, *_rivals(fit, learnt)]
    for plan in plans:
        for done in collect(plan, options.workers):
            report(Stage(name=f"features, {plan.name}", done=done, total=plan.count))
    network = load_network(options.out, options.architecture, taught, options.recipe)
    job = HeadsJob(
        folder=options.out / "heads",
        specs=learnt,
        starts=tuple(network.heads.layers(i) for i in range(len(learnt))),
        backbone=read_backbone(backbone.weights).ref,
        provenance=provenance_of(options, scenes.sha256, options.recipe.seed),
        license=options.head_license,
    )
    rivals = [Rivals(labels=plan.labels, features=read_features(plan)) for plan in plans[2:]]
    for done, detail in fit_heads(job, read_features(fit), read_features(hold), rivals):
        report(Stage(name="heads", done=done, total=len(learnt), detail=detail))


def _families(specs: Sequence[HeadSpec], learnt: Sequence[HeadSpec]) -> tuple[HeadSpec, ...]:
    """Return the heads of families that the backbone learns beside those of kinds; they are fitted by `--families`."""
    made = {spec.family for spec in learnt}
    found = (spec for spec in specs if spec.scope == FAMILY and (spec.makes or spec.family in made))
    return tuple(sorted(found, key=lambda spec: spec.label))


def _rivals(fit: PicturePlan, specs: Sequence[HeadSpec]) -> list[PicturePlan]:
    """Pictures with the distortions of families that look alike, and no others."""
    plans = []
    for families, share in RIVALS.items():
        members = tuple(spec.label for spec in specs if spec.family in families)
        if len(members) > 1:
            name = f"fit-{families[0]}"
            plans.append(replace(fit, name=name, count=max(round(share * fit.count), 1), labels=members))
    return plans


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
        start=options.start,
        found=clean_ones(options.wild and options.wild.absolute(), "train", scenes.held),
    )
    info = {
        "recipe": asdict(options.recipe),
        "distortions": [spec.label for spec in specs],
        "scenes": {"fit": len(scenes.fit), "hold": len(scenes.hold), "sha256": scenes.sha256},
        "image_licenses": list(options.licenses),
        "command": options.command,
        "versions": versions(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    architecture = network.backbone.architecture
    write_atomic(folder / f"{NAME}.safetensors", dump_backbone(NAME, architecture, network.backbone.folded(), info))
    write_atomic(folder / f"{NAME}.onnx", build_graph(architecture))
    return spec
