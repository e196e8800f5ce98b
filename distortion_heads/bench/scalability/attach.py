"""Attaching heads: whether it changes the earlier ones, and how long it takes from pictures to a new head."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import numpy as np
from PIL import Image

from distortion_heads._system.threads import helpers, usable_cores
from distortion_heads.backbones.architecture import small
from distortion_heads.backbones.cells import CellBackbone
from distortion_heads.backbones.open import bundled_backbone, load_backbone
from distortion_heads.backbones.read_views import view_features
from distortion_heads.bench.scalability.options import Report
from distortion_heads.bench.scalability.probe import store_registry
from distortion_heads.heads.head import HeadFile
from distortion_heads.io.float_images import to_float, to_uint8
from distortion_heads.io.images import load_image
from distortion_heads.pipeline import Predictor
from distortion_heads.registry.build import Registry
from distortion_heads.registry.user_heads import Store
from distortion_heads.spec import HeadSpec
from distortion_heads.synthesis.distort import Step, distort
from distortion_heads.training.features.cache import FeatureCache
from distortion_heads.training.features.extract import MAX_WORKERS
from distortion_heads.training.heads.add_head import AddHeadRequest, train_and_attach

ATTACHED = 6
"""Heads that are attached one after the other."""

NEW_HEAD_PICTURES = 200
ROUNDS = 3
TIMED_STEPS = 5


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """One head more. `compared`: probabilities and severities of earlier heads; `changed`: those with another bit."""

    label: str
    earlier: int
    compared: int
    changed: int


@dataclass(frozen=True, kw_only=True)
class NewHead:
    """Seconds on the clock, each the least of its rounds, and CPU seconds where the name says so.

    `add_head`: from `pictures` files, nothing cached, to the written head; `one_pass`: reading the same files and
    running the backbone over them, on as many threads. `joint` = `joint_steps` times `step`, one step of joint
    training of the bundled architecture, measured here; distorting its pictures and fitting its heads come on top.
    """

    pictures: int
    add_head: float
    one_pass: float
    add_head_cpu: float
    one_pass_cpu: float
    step: float
    joint_steps: int

    @property
    def joint(self) -> float:
        return self.step * self.joint_steps


def measure_forgetting(
    heads: Sequence[HeadFile], pictures: Sequence[Path], work: Path, report: Report
) -> tuple[Attachment, ...]:
    """Attach `heads` to an empty store, the last `ATTACHED` one by one, and compare all outputs before and after."""
    store = Store(work / "home")
    rmtree(store.home, ignore_errors=True)
    first = max(1, len(heads) - ATTACHED)
    for head in heads[:first]:
        store.save(head, overwrite=True)
    before = _outputs(store, pictures)
    attachments = []
    for done, head in enumerate(heads[first:]):
        report("attaching heads", done, len(heads) - first)
        store.save(head, overwrite=False)
        after = _outputs(store, pictures)
        changed = sum(after[key] != value for key, value in before.items())
        compared = 2 * len(before)
        attachments.append(Attachment(label=head.label, earlier=first + done, compared=compared, changed=changed))
        before = after
    return tuple(attachments)


def measure_new_head(spec: HeadSpec, scenes: Sequence[Path], work: Path, registry: Registry, report: Report) -> NewHead:
    """Train a head for the distortion of `spec` from 200 pictures on the bundled backbone, several times over."""
    data = write_pictures(spec, scenes, work / "pictures")
    paths = sorted(data.rglob("*.png"))
    backbone = load_backbone(bundled_backbone(), threads=1)
    passes, adding = [], []
    for done in range(ROUNDS):
        report("time to a new head", done, ROUNDS)
        passes.append(_timed(lambda: one_pass(backbone, paths, spec)))
        rmtree(work / "cache", ignore_errors=True)
        adding.append(_timed(lambda: _add(spec, data, work, registry)))
    report("time of a training step", 0, 1)
    step, steps = training_step(len([h for h in registry.heads.values() if h.spec.synthesize]))
    return NewHead(
        pictures=len(paths),
        add_head=min(seconds for seconds, _ in adding),
        one_pass=min(seconds for seconds, _ in passes),
        add_head_cpu=min(cpu for _, cpu in adding),
        one_pass_cpu=min(cpu for _, cpu in passes),
        step=step,
        joint_steps=steps,
    )


def _add(spec: HeadSpec, data: Path, work: Path, registry: Registry) -> None:
    out = work / "new.safetensors"
    request = AddHeadRequest(label=f"new_{spec.label}", data=data, view=spec.view, rivals=False, force=True, out=out)
    train_and_attach(request, Store(work / "home"), registry, cache=FeatureCache(work / "cache"))


def write_pictures(spec: HeadSpec, scenes: Sequence[Path], folder: Path, count: int = NEW_HEAD_PICTURES) -> Path:
    """Write `count` pictures of at most 512x384 into `positive/` and `clean/`, half each."""
    for i in range(count):
        kind = "positive" if i % 2 else "clean"
        path = folder / kind / f"{i:04d}.png"
        if path.exists():
            continue
        rng = np.random.default_rng((5, i))
        pixels = load_image(scenes[i % len(scenes)])[:384, :512]
        if i % 2:
            severity = float(rng.uniform(1.0, 5.0))
            pixels = to_uint8(distort(to_float(pixels), [Step(spec=spec, severity=severity)], rng))
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, compress_level=1)
    return folder


def one_pass(backbone: CellBackbone, paths: Sequence[Path], spec: HeadSpec) -> None:
    """Read the pictures and run the backbone over them, on the threads that add-head has."""
    with helpers(min(MAX_WORKERS, usable_cores()), "attach") as pool:
        for _ in pool.map(lambda path: view_features(backbone, load_image(path), spec.view), paths):
            pass


def training_step(heads: int) -> tuple[float, int]:
    """Return the seconds of one step of joint training of the bundled architecture, and the steps of the recipe."""
    import torch

    from distortion_heads.training.networks.backbone_network import MultiTaskNetwork, multitask_loss
    from distortion_heads.training.networks.recipes import ShardRecipe
    from distortion_heads.training.networks.train_on_shards import CROP

    recipe = ShardRecipe()
    samples = recipe.native + recipe.overview
    torch.manual_seed(0)
    network = MultiTaskNetwork(small(), ["native"] * heads, recipe.hidden).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters())
    pixels = (torch.rand(samples, 3, CROP, CROP) * 255).contiguous(memory_format=torch.channels_last)
    severity, applies = torch.rand(samples, heads) * 4 + 1, torch.ones(samples, heads, dtype=torch.bool)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            out = network(pixels)
        loss = multitask_loss(out.float(), severity, applies)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    step()
    return min(_timed(step)[0] for _ in range(TIMED_STEPS)), recipe.steps


def _outputs(store: Store, pictures: Sequence[Path]) -> Mapping[tuple[str, str], tuple[float, float | None]]:
    predictor = Predictor(registry=store_registry(store.home), threads=1)
    return {
        (picture.name, head.label): (head.probability, head.severity)
        for picture in pictures
        for head in predictor.predict(picture).heads
    }


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds on the clock and of CPU time."""
    cpu, start = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - start, time.process_time() - cpu
