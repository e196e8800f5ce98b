"""The two steps in which MEON is trained (Ma et al. 2018): types alone, without any opinion, then quality as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from distortion_heads.backbones.with_torch.meon import Meon, Places, fused
from distortion_heads.backbones.with_torch.networks import PatchNetwork
from distortion_heads.training.networks.lessons import Lesson, Teaching, train_lesson
from distortion_heads.training.networks.loop import State
from distortion_heads.training.networks.record_samples import Batch

LAMBDA = 0.2
"""How much an error of quality counts, which is told from 0 to 100 here."""

SLOWEST = 1e-4
"""Rate below which the first step is at its end."""

BIAS_RATE = 2.0
"""How many times as fast as weights biases learn."""

JITTER = 0.02
"""By how much contrast and saturation are changed at most: too little to be seen."""


def train_types(network: PatchNetwork, lesson: Lesson) -> None:
    """Train what tells the types, in place: at `recipe.rate`, a tenth of it whenever the validation loss stalls."""
    torso = _torso(network)
    torso.of_scores.requires_grad_(False)
    optimizer = torch.optim.Adam(parameter_groups(network, lesson.recipe.rate))

    def slower(state: State) -> bool:
        """Return whether the rate cannot fall any more."""
        if min(group["rate"] for group in optimizer.param_groups) / 10 < SLOWEST * 0.99:
            return True
        for group in optimizer.param_groups:
            group["rate"] /= 10
        state.stale = 0
        return False

    _train(network, lesson, optimizer, types_alone=True, stalled=slower)
    torso.of_scores.requires_grad_(True)


def train_jointly(network: PatchNetwork, lesson: Lesson) -> None:
    """Train all of the network, in place, at `recipe.backbone_rate`; scores start at the mean of the opinions.

    At that rate they would need as many steps to get there as they have to learn.
    """
    torso, recipe = _torso(network), lesson.recipe
    bias = torso.of_scores[-1].bias
    assert isinstance(bias, Tensor)
    torch.nn.init.constant_(bias, float(np.nanmean(lesson.fit.targets.quality)))
    optimizer = torch.optim.Adam(parameter_groups(network, recipe.backbone_rate))
    joint = replace(lesson, recipe=replace(recipe, seed=recipe.seed + 1))
    _train(network, joint, optimizer, types_alone=False, stalled=lambda state: True)


def _train(
    network: PatchNetwork,
    lesson: Lesson,
    optimizer: torch.optim.Optimizer,
    *,
    types_alone: bool,
    stalled: Callable[[State], bool],
) -> None:
    processes, seed = lesson.processes, lesson.recipe.seed

    def loss(out: Tensor, batch: Batch) -> Tensor:
        return joint_loss(out, batch, types_alone=types_alone)

    teaching = Teaching(
        optimizer=optimizer,
        inputs=lambda batch, step: (jittered(batch.x.to(processes.device), (seed, step, processes.rank)),),
        loss=loss,
        validated=lambda out, batch: loss(out, batch) / len(batch.x),
        project=_torso(network).project,
        stalled=stalled,
    )
    train_lesson(network, lesson, teaching)


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
