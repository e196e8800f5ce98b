"""Joint training of the backbone and all heads from random initialisation, on distortions that are made on the fly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from distortion_heads.backbones.architecture import Architecture, small
from distortion_heads.backbones.files import read_backbone
from distortion_heads.datasets.shards import (
    GROUP,
    NATIVE_SIDE,
    Shard,
    ShardPlan,
    families_in,
    make_shard,
    read_shard,
    stream_shards,
)
from distortion_heads.errors import DataError
from distortion_heads.metrics.scores import auroc
from distortion_heads.spec import KIND, HeadSpec, is_coarse
from distortion_heads.training.networks.backbone_network import MultiTaskNetwork, multitask_loss
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.loop import Course, Progress, State, Stopwatch, train
from distortion_heads.training.networks.recipes import ShardRecipe, learning_rate

Batch: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Pixels (B, 3, CROP, CROP), severity (B, N), and which heads each sample is for, bool (B, N)."""

CROP = 128
HELD_OUT_SEED_OFFSET = 1_000_000


def train_backbone(
    run: Path,
    fit: tuple[Path, ...],
    hold: tuple[Path, ...],
    specs: Sequence[HeadSpec],
    recipe: ShardRecipe,
    *,
    device: str = "cpu",
    workers: int = 1,
    compile_network: bool = False,
    checkpoint_every: int = 40,
    report: Callable[[Progress], None] = lambda progress: None,
    architecture: Architecture | None = None,
    start: Path | None = None,
    found: tuple[Path, ...] = (),
) -> MultiTaskNetwork:
    """Train, or go on from the last checkpoint in `run`, and return the network in evaluation mode.

    Deterministic in the recipe's seed on one device; shards are kept in `run/shards`, the checkpoint in `run` is
    renewed every `checkpoint_every` shards. A new run begins with the weights in `start`, a checkpoint of the same
    heads, which are pruned if its network is a wider one (`prune`), or a backbone's .safetensors file; or at random.
    `found` are clean pictures as they were found, for the mixtures that heads of families learn from.
    Raises `DataError` if `run` holds a checkpoint of another recipe or of other heads.
    """
    torch.manual_seed(recipe.seed)
    network = MultiTaskNetwork(architecture or small(), [spec.view for spec in specs], recipe.hidden).to(device)
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(_groups(network, recipe), lr=recipe.learning_rate)
    checkpoint = _checkpoint(run / "checkpoint.pt", specs, recipe)
    state = checkpoint.load(network, optimizer)
    if state.step >= recipe.steps:
        return network.eval()
    plan = _plan(run, fit, recipe, found, mixed=recipe.shard_mixed if families_in(specs) else 0)
    if state.step == 0 and start is not None:
        _begin(network, start, _checkpoint(start, specs, recipe), lambda: _first_samples(plan, specs))
    shards = _Shards(network, optimizer, state, recipe, specs, plan, hold, checkpoint, checkpoint_every, report)
    kinds = torch.tensor([spec.scope == KIND for spec in specs], device=device)
    course = Course(
        batches=shards.batches(workers, device),
        inputs=lambda batch: batch[:1],
        loss=lambda out, batch: multitask_loss(out, *batch[1:], kinds),
        rate=lambda group, step: learning_rate(step, recipe) * group["share"],
        after=shards.after,
        mixed=True,
        clip=5.0,
    )
    forward: Any = torch.compile(network) if compile_network else network
    train(network, forward, course, optimizer, state)
    return network


@dataclass(frozen=True, eq=False)
class _Shards:
    """The batches of a run, and the work after each shard: checkpoints, held-out figures, and the report."""

    network: MultiTaskNetwork
    optimizer: torch.optim.Optimizer
    state: State
    recipe: ShardRecipe
    specs: Sequence[HeadSpec]
    plan: ShardPlan
    hold: tuple[Path, ...]
    checkpoint: Checkpoint
    checkpoint_every: int
    report: Callable[[Progress], None]
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    losses: list[float] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Return the number of batches in a shard."""
        native, overview = self.plan.counts()
        return min(native // self.recipe.native, overview // self.recipe.overview)

    def batches(self, workers: int, device: str) -> Iterator[Batch]:
        """Yield the batches from the present step on, which begins a shard."""
        first, count = self.state.step // self.size, math.ceil(self.recipe.steps / self.size)
        made = stream_shards(
            self.plan, self.specs, start=first, count=count, distinct=self.recipe.distinct_shards, workers=workers
        )
        for number, shard in enumerate(made, first):
            step = number * self.size
            torch.manual_seed(self.recipe.seed + step)  # for dropout, so that a resumed run draws as the whole one
            yield from batches(shard, self.network, self.recipe, step, device)

    def after(self, loss: Tensor) -> None:
        """Save, measure and report at the end of a shard."""
        state, recipe = self.state, self.recipe
        self.losses.append(loss.item())
        rate = self.stopwatch.add(recipe.native + recipe.overview)
        state.finished = state.step >= recipe.steps
        if state.step % self.size and not state.finished:
            return
        measured = None
        if state.step % (self.size * self.checkpoint_every) < self.size or state.finished:
            self.checkpoint.save(self.network.state_dict(), self.optimizer, state)
            device = next(self.network.parameters()).device.type
            measured = held_out_auroc(self.network, self.plan, self.hold, self.specs, device)
        mean = float(np.mean(self.losses[-200:]))
        self.report(Progress(step=state.step, steps=recipe.steps, loss=mean, per_second=rate, auroc=measured))


def load_network(
    run: Path, architecture: Architecture, specs: Sequence[HeadSpec], recipe: ShardRecipe
) -> MultiTaskNetwork:
    """Return the network of the last checkpoint in `run`, in evaluation mode. Raises `DataError` if there is none."""
    network = MultiTaskNetwork(architecture, [spec.view for spec in specs], recipe.hidden)
    if _checkpoint(run / "checkpoint.pt", specs, recipe).load(network).step == 0:
        raise DataError(f"{run} holds no checkpoint of a joint training")
    return network.eval()


def _checkpoint(path: Path, specs: Sequence[HeadSpec], recipe: ShardRecipe) -> Checkpoint:
    labels = ",".join(spec.label for spec in specs)
    return Checkpoint(path, {"other heads": labels, "another recipe": repr(recipe)})


def _plan(run: Path, scenes: tuple[Path, ...], recipe: ShardRecipe, found: tuple[Path, ...], mixed: int) -> ShardPlan:
    return ShardPlan(
        folder=run / "shards",
        scenes=scenes,
        seed=recipe.seed,
        native=recipe.shard_native,
        overview=recipe.shard_overview,
        emphasis=recipe.emphasis,
        mixed=mixed,
        found=found,
    )


def _begin(network: MultiTaskNetwork, start: Path, checkpoint: Checkpoint, samples: Callable[[], Tensor]) -> None:
    if start.suffix != ".safetensors":
        _begin_with(checkpoint, network, samples)
        return
    file = read_backbone(start)
    if file.architecture != network.backbone.architecture:
        raise DataError(f"{start} holds a network of another architecture")
    device = next(network.parameters()).device
    network.backbone.unfold(file.tensors, samples().to(device))


def _begin_with(checkpoint: Checkpoint, network: MultiTaskNetwork, samples: Callable[[], Tensor]) -> None:
    """Restore the weights alone, whatever recipe they are of; a wider network is pruned to this one on `samples()`.

    Which view each head reads stays as it is. Raises `DataError` if the file does not fit.
    """
    from distortion_heads.training.networks.prune import like, prune, wider_version

    content, reads_overview = checkpoint.read(), network.get_buffer("reads_overview").clone()
    if content["identity"].get("other heads") != checkpoint.identity["other heads"]:
        raise DataError(f"{checkpoint.path} belongs to other heads: choose another --start")
    wider = wider_version(network.backbone.architecture, content["network"])
    if wider is None:
        checkpoint.restore(network, content["network"])
    else:
        wide = like(network, wider)
        checkpoint.restore(wide, content["network"])
        network.load_state_dict(prune(wide, network.backbone.architecture, samples()).state_dict())
    network.get_buffer("reads_overview").copy_(reads_overview)


def _first_samples(plan: ShardPlan, specs: Sequence[HeadSpec], native: int = 400, overview: int = 200) -> Tensor:
    """Pixels (n, 3, CROP, CROP) of the first shard: centres of `native` crops, and `overview` overviews, or all."""
    shard, margin = read_shard(make_shard(plan, specs, 0)), (NATIVE_SIDE - CROP) // 2
    centres = shard.native[:native, margin : margin + CROP, margin : margin + CROP]
    return torch.from_numpy(np.concatenate([centres, shard.overview[:overview]])).permute(0, 3, 1, 2).float()


def batches(shard: Shard, network: MultiTaskNetwork, recipe: ShardRecipe, step: int, device: str) -> Iterator[Batch]:
    """Cut, mirror and mix a shard into batches of (pixels, severity, applies); the order depends on the step alone."""
    rng = np.random.default_rng((recipe.seed, step))
    native_order, overview_order = _whole_groups(len(shard.native), rng), _whole_groups(len(shard.overview), rng)
    reads_overview = network.get_buffer("reads_overview")
    for i in range(min(len(native_order) // recipe.native, len(overview_order) // recipe.overview)):
        native = native_order[i * recipe.native : (i + 1) * recipe.native]
        overview = overview_order[i * recipe.overview : (i + 1) * recipe.overview]
        top, left = rng.integers(0, NATIVE_SIDE - CROP + 1, 2)
        crops = _turned(shard.native[native, top : top + CROP, left : left + CROP], rng)
        pixels = np.concatenate([crops, shard.overview[overview]])
        mirrored = rng.random(len(pixels)) < 0.5
        pixels[mirrored] = pixels[mirrored, :, ::-1]
        severity = np.concatenate([shard.native_severity[native], shard.overview_severity[overview]])
        is_overview = torch.arange(len(pixels), device=device) >= len(native)
        x = torch.from_numpy(pixels).to(device, non_blocking=True).permute(0, 3, 1, 2).float()
        y = torch.from_numpy(severity).to(device, non_blocking=True)
        yield x.contiguous(memory_format=torch.channels_last), y, is_overview[:, None] == reads_overview[None]


def _whole_groups(samples: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A random order of the samples in which those of one group stay together."""
    return (rng.permutation(samples // GROUP)[:, None] * GROUP + np.arange(GROUP)).ravel()


def _turned(crops: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Upside down and with the axes exchanged, half of the time each; overviews stay upright, as light mostly is."""
    if rng.random() < 0.5:
        crops = crops[:, ::-1]
    return crops.transpose(0, 2, 1, 3) if rng.random() < 0.5 else crops


def held_out_auroc(
    network: MultiTaskNetwork, plan: ShardPlan, hold: tuple[Path, ...], specs: Sequence[HeadSpec], device: str
) -> dict[str, float]:
    """AUROC per label on one shard of held-out scenes: every sample with the distortion against every one without."""
    seed, native = plan.seed + HELD_OUT_SEED_OFFSET, 4 * plan.native // 3
    held = replace(plan, scenes=hold, seed=seed, native=native)
    shard = read_shard(make_shard(held, specs, 0))
    network.eval()
    sees = {
        False: (_logits(network, shard.native[:, 16:144, 16:144], device), shard.native_severity),
        True: (_logits(network, shard.overview, device), shard.overview_severity),
    }
    result = {}
    for i, spec in enumerate(specs):
        logits, severity = sees[is_coarse(spec.view)]
        figure = auroc(logits[severity[:, i] > 0, i], logits[severity[:, i] == 0, i])
        if figure is not None:
            result[spec.label] = figure
    return result


@torch.no_grad()
def _logits(network: MultiTaskNetwork, images: Any, device: str) -> Any:
    out = []
    for i in range(0, len(images), 128):
        x = torch.from_numpy(np.ascontiguousarray(images[i : i + 128])).to(device).permute(0, 3, 1, 2).float()
        with torch.autocast(device, torch.bfloat16):
            out.append(network(x.contiguous(memory_format=torch.channels_last))[..., 0].float().cpu().numpy())
    return np.concatenate(out)


def _groups(network: MultiTaskNetwork, recipe: ShardRecipe) -> list[dict[str, Any]]:
    """Decay the weights of products only, never biases or normalisation.

    The heads learn at a fraction of the rate: each sums over a thousand correlated features, so that equal steps of
    Adam in all of them would move its output too far.
    """
    groups = []
    for module, share in ((network.backbone, 1.0), (network.heads, recipe.head_rate)):
        parameters = list(module.parameters())
        decayed, free = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]
        groups.append({"params": decayed, "weight_decay": recipe.weight_decay, "share": share})
        groups.append({"params": free, "weight_decay": 0.0, "share": share})
    return groups
