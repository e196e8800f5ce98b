"""Train a network for epochs on patches with any loss; what it is trained on is one value."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.epochs import Epochs
from distortion_heads.training.networks.loop import Course, Progress, State, train
from distortion_heads.training.networks.processes import Processes
from distortion_heads.training.networks.recipes import RecordRecipe
from distortion_heads.training.networks.record_samples import Batch, Samples, steps_per_epoch, stream

Loss: TypeAlias = Callable[[Tensor, Batch], Tensor]

PATCHES_AT_ONCE = 40
"""In validation."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """Samples to learn from and to validate with, how, and where the state is kept."""

    fit: Samples
    validation: Samples
    recipe: RecordRecipe
    checkpoint: Checkpoint
    processes: Processes = field(default_factory=Processes)
    report: Callable[[Progress], None] = lambda progress: None


@dataclass(frozen=True, kw_only=True)
class Teaching:
    """The way of a lesson. `inputs(batch, step)` are the network's arguments; `validated` is the loss of one record.

    `project()` is called after each step, `stalled(state)` where the validation loss stalls: see `Epochs`. Groups of
    the optimizer have a `rate`, and a `factor` of it.
    """

    optimizer: torch.optim.Optimizer
    inputs: Callable[[Batch, int], tuple[Any, ...]]
    loss: Loss
    validated: Loss
    project: Callable[[], None] = lambda: None
    stalled: Callable[[State], bool] = lambda state: True


def train_lesson(network: nn.Module, lesson: Lesson, teaching: Teaching) -> float:
    """Train what has gradients in `network`, in place; go on from the checkpoint if there is one.

    Its weights are then those of the least validation loss, which is returned. Raises `DataError` if the checkpoint
    belongs to another run or the loss is no number.
    """
    recipe, processes, optimizer = lesson.recipe, lesson.processes, teaching.optimizer
    network.to(processes.device)
    state = lesson.checkpoint.load(network, optimizer)
    per_epoch = steps_per_epoch(len(lesson.fit.targets), recipe)
    epochs = Epochs(
        kept=lambda: {name: value.detach() for name, value in network.state_dict().items()},
        measure=lambda: mean_loss(network, lesson.validation, processes, teaching.validated),
        optimizer=optimizer,
        state=state,
        per_epoch=per_epoch,
        recipe=recipe,
        checkpoint=lesson.checkpoint,
        processes=processes,
        report=lesson.report,
        stalled=lambda: teaching.stalled(state),
    )

    def after(loss: Tensor) -> None:
        teaching.project()
        epochs.after(loss)

    course: Course[Batch] = Course(
        batches=stream(lesson.fit, recipe, processes, state.step, 0 if state.finished else recipe.epochs * per_epoch),
        inputs=lambda batch: teaching.inputs(batch, state.step),
        loss=teaching.loss,
        rate=lambda group, step: float(group["rate"] * group.get("factor", 1.0)),
        after=after,
        mixed=recipe.precision == "bfloat16" or (recipe.precision == "auto" and processes.device.startswith("cuda")),
        scale=processes.size,  # gradients are averaged over processes
    )
    train(network, processes.wrap(network), course, optimizer, state)
    if state.best:
        network.load_state_dict(state.best)
    return state.least


@torch.no_grad()
def mean_loss(network: nn.Module, samples: Samples, processes: Processes, loss: Loss) -> float:
    """Return the mean over records of `loss` of all their patches; each process takes its share."""
    network.eval()
    total = 0.0
    for i in range(processes.rank, len(samples.targets), processes.size):
        x = torch.from_numpy(samples.load(i, None))
        out = torch.cat([network(part.to(processes.device)).cpu() for part in torch.split(x, PATCHES_AT_ONCE)])
        batch = Batch(
            x=x,
            masks=(),
            owner=torch.zeros(len(x), dtype=torch.long),
            weight=torch.full((len(x),), 1 / len(x)),
            presence=torch.from_numpy(samples.targets.presence[[i]]),
            severity=torch.from_numpy(samples.targets.severity[[i]]),
            quality=torch.from_numpy(samples.targets.quality[[i]]),
        )
        value = float(loss(out, batch))
        total += value if math.isfinite(value) else math.inf
    return sum(processes.gather(total)) / len(samples.targets)
