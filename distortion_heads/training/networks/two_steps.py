"""The two steps in which MEON is trained (Ma et al. 2018): types alone, without any opinion, then quality as well."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from distortion_heads.backbones.with_torch.meon import Meon, Places, fused
from distortion_heads.backbones.with_torch.networks import PatchNetwork
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.epochs import Epochs
from distortion_heads.training.networks.loop import Course, Progress, State, train
from distortion_heads.training.networks.processes import Processes
from distortion_heads.training.networks.recipes import RecordRecipe
from distortion_heads.training.networks.record_samples import Batch, Samples, steps_per_epoch, stream

Report: TypeAlias = Callable[[Progress], None]

LAMBDA = 0.2
"""How much an error of quality counts, which is told from 0 to 100 here."""

SLOWEST = 1e-4
"""Rate below which the first step is at its end."""

BIAS_RATE = 2.0
"""How many times as fast as weights biases learn."""

JITTER = 0.02
"""By how much contrast and saturation are changed at most: too little to be seen."""

PATCHES_AT_ONCE = 40


def train_types(
    network: PatchNetwork,
    parts: tuple[Samples, Samples],
    recipe: RecordRecipe,
    checkpoint: Checkpoint,
    processes: Processes,
    report: Report,
) -> None:
    """Train what tells the types, in place: at `recipe.rate`, a tenth of it whenever the validation loss stalls."""
    torso = _torso(network)
    torso.of_scores.requires_grad_(False)
    optimizer = torch.optim.Adam(parameter_groups(network, recipe.rate))

    def slower(state: State) -> bool:
        """Return whether the rate cannot fall any more."""
        if min(group["rate"] for group in optimizer.param_groups) / 10 < SLOWEST * 0.99:
            return True
        for group in optimizer.param_groups:
            group["rate"] /= 10
        state.stale = 0
        return False

    _train(network, parts, recipe, checkpoint, processes, report, optimizer, types_alone=True, stalled=slower)
    torso.of_scores.requires_grad_(True)


def train_jointly(
    network: PatchNetwork,
    parts: tuple[Samples, Samples],
    recipe: RecordRecipe,
    checkpoint: Checkpoint,
    processes: Processes,
    report: Report,
) -> None:
    """Train all of the network, in place, at `recipe.backbone_rate`; scores start at the mean of the opinions.

    At that rate they would need as many steps to get there as they have to learn.
    """
    torso = _torso(network)
    bias = torso.of_scores[-1].bias
    assert isinstance(bias, Tensor)
    torch.nn.init.constant_(bias, float(np.nanmean(parts[0].targets.quality)))
    optimizer = torch.optim.Adam(parameter_groups(network, recipe.backbone_rate))
    joint = replace(recipe, seed=recipe.seed + 1)
    _train(
        network, parts, joint, checkpoint, processes, report, optimizer, types_alone=False, stalled=lambda state: True
    )


def _train(
    network: PatchNetwork,
    parts: tuple[Samples, Samples],
    recipe: RecordRecipe,
    checkpoint: Checkpoint,
    processes: Processes,
    report: Report,
    optimizer: torch.optim.Optimizer,
    *,
    types_alone: bool,
    stalled: Callable[[State], bool],
) -> None:
    fit, validation = parts
    device, torso = processes.device, _torso(network)
    network.to(device)
    state = checkpoint.load(network, optimizer)
    per_epoch = steps_per_epoch(len(fit.targets), recipe)
    epochs = Epochs(
        kept=lambda: {name: value.detach() for name, value in network.state_dict().items()},
        measure=lambda: _validation_loss(network, validation, processes, types_alone),
        optimizer=optimizer,
        state=state,
        per_epoch=per_epoch,
        recipe=recipe,
        checkpoint=checkpoint,
        processes=processes,
        report=report,
        stalled=lambda: stalled(state),
    )

    def after(loss: Tensor) -> None:
        torso.project()
        epochs.after(loss)

    course: Course[Batch] = Course(
        batches=stream(fit, recipe, processes, state.step, 0 if state.finished else recipe.epochs * per_epoch),
        inputs=lambda batch: (jittered(batch.x.to(device), (recipe.seed, state.step, processes.rank)),),
        loss=lambda out, batch: joint_loss(out, batch, types_alone=types_alone),
        rate=lambda group, step: float(group["rate"] * group["factor"]),
        after=after,
        mixed=recipe.precision == "bfloat16",
        scale=processes.size,  # gradients are averaged over processes
    )
    train(network, processes.wrap(network), course, optimizer, state)
    if state.best:
        network.load_state_dict(state.best)


def joint_loss(out: Tensor, batch: Batch, *, types_alone: bool) -> Tensor:
    """Return the sum over patches of cross-entropy and `LAMBDA` times the error of quality; `out` (P, dim).

    `batch.presence` is one-hot. Patches without an opinion count for their type alone.
    """
    owner = batch.owner.to(out.device)
    truth, quality = batch.presence.to(out.device)[owner], batch.quality.to(out.device)[owner]
    places = Places.of(out.shape[1], truth.shape[1])
    logits = out[:, places.logits]
    loss = -(truth * functional.log_softmax(logits, 1)).sum()
    if types_alone:
        return loss
    known = quality.isfinite()
    error = (fused(logits, out[:, places.scores]) - quality.nan_to_num()).abs()
    return loss + LAMBDA * (error * known).sum()


def jittered(patches: Tensor, seed: Sequence[int]) -> Tensor:
    """Return uint8 (P, 3, h, w) as float32 with contrast and saturation changed by at most `JITTER`, each its own.

    Channels come last in memory, which halves the time of a step on a CPU.
    """
    drawn = np.random.default_rng((2, *seed)).uniform(1 - JITTER, 1 + JITTER, (2, len(patches), 1, 1, 1))
    contrast, saturation = torch.from_numpy(drawn.astype(np.float32)).to(patches.device)
    x = patches.float().contiguous(memory_format=torch.channels_last)
    grey = x.mean(1, keepdim=True)
    x = grey + saturation * (x - grey)
    middle = grey.mean((2, 3), keepdim=True)
    changed: Tensor = (middle + contrast * (x - middle)).clamp(0, 255)
    return changed


@torch.no_grad()
def _validation_loss(network: PatchNetwork, samples: Samples, processes: Processes, types_alone: bool) -> float:
    """Mean over the records of the mean loss of their patches; each process takes its share."""
    network.eval()
    total = 0.0
    for i in range(processes.rank, len(samples.targets), processes.size):
        x = torch.from_numpy(samples.load(i, None))
        out = torch.cat([network(part.to(processes.device)).cpu() for part in torch.split(x, PATCHES_AT_ONCE)])
        batch = Batch(
            x=x,
            masks=(),
            owner=torch.zeros(len(x), dtype=torch.long),
            weight=torch.ones(len(x)),
            presence=torch.from_numpy(samples.targets.presence[[i]]),
            severity=torch.from_numpy(samples.targets.severity[[i]]),
            quality=torch.from_numpy(samples.targets.quality[[i]]),
        )
        loss = float(joint_loss(out, batch, types_alone=types_alone)) / len(x)
        total += loss if math.isfinite(loss) else math.inf
    return sum(processes.gather(total)) / len(samples.targets)


def parameter_groups(network: PatchNetwork, rate: float) -> list[dict[str, Any]]:
    """Return weights, and biases, which learn faster."""
    named = [(name, value) for name, value in network.named_parameters() if value.requires_grad]
    biases = [value for name, value in named if name.endswith(".bias")]
    weights = [value for name, value in named if not name.endswith(".bias")]
    return [
        {"params": weights, "rate": rate, "factor": 1.0},
        {"params": biases, "rate": rate, "factor": BIAS_RATE},
    ]


def _torso(network: PatchNetwork) -> Meon:
    assert isinstance(network.torso, Meon)
    return network.torso


def types_by_vote(logits: Sequence[NDArray[np.float32]]) -> NDArray[np.int64]:
    """Return each picture's type (n,): that of most of its windows; of as many, the one of more mean probability.

    `logits` float (K, C) of each picture's windows.
    """
    found = []
    for windows in logits:
        z = windows.astype(np.float64)
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        votes = np.bincount(z.argmax(1), minlength=z.shape[1])
        found.append(np.lexsort((p.mean(0), votes))[-1])
    return np.array(found, np.int64)
