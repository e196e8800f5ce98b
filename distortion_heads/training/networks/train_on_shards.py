"""Joint multi-task training of the backbone: the one training loop of the project.

Ameur, Fezza, Hamidouche 2022 minimise the mean of the N binary cross-entropies over a shared network; here from random
initialisation and on distortions that are made on the fly, with a severity per distortion.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from distortion_heads.backbones.architecture import Architecture, small
from distortion_heads.errors import DataError
from distortion_heads.spec import HeadSpec
from distortion_heads.training.networks.backbone_network import MultiTaskNetwork, multitask_loss
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.shards import (
    GROUP,
    NATIVE_SIDE,
    Shard,
    ShardPlan,
    make_shard,
    read_shard,
    stream_shards,
)

CROP = 128
HELD_OUT_SEED_OFFSET = 1_000_000

HARD = ("gaussian_blur", "lens_blur", "motion_blur", "smoke", "uneven_illumination")
"""Drawn more often: those of the first release that are told apart last."""


@dataclass(frozen=True, kw_only=True)
class ShardRecipe:
    """All that decides the result. A step sees `native` + `overview` samples, cut from shards that are made once.

    The learning rate warms up linearly, then follows half a cosine; the heads' is `head_rate` times that.
    """

    steps: int = 8_000
    distinct_shards: int = 220
    shard_native: int = 768
    shard_overview: int = 576
    native: int = 48
    overview: int = 36
    emphasis: tuple[str, ...] = HARD
    learning_rate: float = 1.5e-3
    head_rate: float = 0.2
    weight_decay: float = 0.02
    warmup: int = 200
    hidden: int = 32
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What the caller is told. `loss` is a running mean; `auroc` per label where it was just measured."""

    step: int
    steps: int
    loss: float
    samples_per_second: float
    auroc: dict[str, float] | None = None


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
) -> MultiTaskNetwork:
    """Train, or go on from the last checkpoint in `run`, and return the network in evaluation mode.

    Deterministic in the recipe's seed on one device; shards are kept in `run/shards`, the checkpoint in `run` is
    renewed every `checkpoint_every` shards. A new run begins with the weights in `start`, a checkpoint of the same
    heads, which are pruned if its network is a wider one (`prune`), or at random.
    Raises `DataError` if `run` holds a checkpoint of another recipe or of other heads.
    """
    torch.manual_seed(recipe.seed)
    network = MultiTaskNetwork(architecture or small(), [spec.view for spec in specs], recipe.hidden).to(device)
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(_groups(network, recipe), lr=recipe.learning_rate)
    checkpoint = Checkpoint(run / "checkpoint.pt", asdict(recipe), tuple(spec.label for spec in specs))
    step = checkpoint.load(network, optimizer)
    if step >= recipe.steps:
        return network.eval()
    plan = ShardPlan(
        folder=run / "shards",
        scenes=fit,
        seed=recipe.seed,
        native=recipe.shard_native,
        overview=recipe.shard_overview,
        emphasis=recipe.emphasis,
    )
    if step == 0 and start is not None:
        Checkpoint(start, asdict(recipe), checkpoint.labels).load_weights(network, lambda: _first_samples(plan, specs))
    per_shard = min(plan.native // recipe.native, plan.overview // recipe.overview)
    forward: Any = torch.compile(network) if compile_network else network
    losses: list[float] = []
    clock = Throughput()
    shards = stream_shards(
        plan,
        specs,
        start=step // per_shard,
        count=math.ceil(recipe.steps / per_shard),
        distinct=recipe.distinct_shards,
        workers=workers,
    )
    for shard in shards:
        network.train()
        torch.manual_seed(recipe.seed + step)  # for dropout, so that a resumed run draws what the whole one would
        for pixels, severity, applies in batches(shard, network, recipe, step, device):
            if step >= recipe.steps:
                break
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, recipe) * group["share"]
            with torch.autocast(device, torch.bfloat16):
                out = forward(pixels)
            loss = multitask_loss(out.float(), severity, applies)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            losses.append(loss.item())
            step += 1
            clock.tick(len(pixels))
        measured = None
        if step % (per_shard * checkpoint_every) < per_shard or step >= recipe.steps:
            checkpoint.save(network, optimizer, step)
            measured = held_out_auroc(network, plan, hold, specs, device)
        report(
            Progress(
                step=step,
                steps=recipe.steps,
                loss=float(np.mean(losses[-200:])),
                samples_per_second=clock.rate,
                auroc=measured,
            )
        )
    return network.eval()


def _first_samples(plan: ShardPlan, specs: Sequence[HeadSpec], native: int = 400, overview: int = 200) -> Tensor:
    """Pixels (n, 3, CROP, CROP) of the first shard: centres of `native` crops, and `overview` overviews, or all."""
    shard, margin = read_shard(make_shard(plan, specs, 0)), (NATIVE_SIDE - CROP) // 2
    centres = shard.native[:native, margin : margin + CROP, margin : margin + CROP]
    return torch.from_numpy(np.concatenate([centres, shard.overview[:overview]])).permute(0, 3, 1, 2).float()


def load_network(
    run: Path, architecture: Architecture, specs: Sequence[HeadSpec], recipe: ShardRecipe
) -> MultiTaskNetwork:
    """The network of the last checkpoint in `run`, in evaluation mode. Raises `DataError` if there is none."""
    network = MultiTaskNetwork(architecture, [spec.view for spec in specs], recipe.hidden)
    optimizer = torch.optim.AdamW(_groups(network, recipe))
    if (
        Checkpoint(run / "checkpoint.pt", asdict(recipe), tuple(spec.label for spec in specs)).load(network, optimizer)
        == 0
    ):
        raise DataError(f"{run} holds no checkpoint of a joint training")
    return network.eval()


def learning_rate(step: int, recipe: ShardRecipe) -> float:
    """Linear warm-up, then half a cosine to a hundredth."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


def batches(
    shard: Shard, network: MultiTaskNetwork, recipe: ShardRecipe, step: int, device: str
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
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
    from sklearn.metrics import roc_auc_score

    held = ShardPlan(
        folder=plan.folder,
        scenes=hold,
        seed=plan.seed + HELD_OUT_SEED_OFFSET,
        native=4 * plan.native // 3,
        overview=plan.overview,
        emphasis=plan.emphasis,
    )
    shard = read_shard(make_shard(held, specs, 0))
    network.eval()
    sees = {
        False: (_logits(network, shard.native[:, 16:144, 16:144], device), shard.native_severity),
        True: (_logits(network, shard.overview, device), shard.overview_severity),
    }
    result = {}
    for i, spec in enumerate(specs):
        logits, severity = sees[spec.view != "native"]
        if 0 < (severity[:, i] > 0).sum() < len(severity):
            result[spec.label] = float(roc_auc_score(severity[:, i] > 0, logits[:, i]))
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


class Throughput:
    """Samples per second since the first tick."""

    def __init__(self) -> None:
        self.start, self.samples = time.monotonic(), 0

    def tick(self, samples: int) -> None:
        self.samples += samples

    @property
    def rate(self) -> float:
        return self.samples / max(time.monotonic() - self.start, 1e-9)
