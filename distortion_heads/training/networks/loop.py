"""The one training loop of the project.

Ameur, Fezza, Hamidouche 2022 minimise the mean of the N binary cross-entropies over a shared network. What differs from
one way of training to the other comes in as a `Course`: batches, the loss, rates, and what is done after a step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

B = TypeVar("B")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The progress of a run. `loss` of the last steps; `auroc` per label and `validation` where just measured."""

    step: int
    steps: int
    loss: float
    per_second: float
    epoch: int = 0
    auroc: Mapping[str, float] | None = None
    validation: float | None = None


@dataclass(kw_only=True)
class State:
    """Where training is. `stale`: epochs since the least validation loss, whose weights are in `best`."""

    step: int = 0
    stale: int = 0
    least: float = math.inf
    best: dict[str, Tensor] = field(default_factory=dict)
    finished: bool = False


@dataclass(frozen=True, kw_only=True)
class Course(Generic[B]):
    """How a network is trained.

    `batches` begin at the step of the `State`. `inputs(batch)` are the arguments of the network, `loss(out, batch)` is
    taken of float32 outputs. `rate(group, step)` is the learning rate of a group of the optimizer's parameters.
    `after(loss)` is called after each step: it saves, measures, reports, and sets `state.finished`. The loss is
    multiplied by `scale` before gradients are computed; `clip` is the largest norm of these, None: any.
    """

    batches: Iterable[B]
    inputs: Callable[[B], tuple[Any, ...]]
    loss: Callable[[Tensor, B], Tensor]
    rate: Callable[[Mapping[str, Any], int], float]
    after: Callable[[Tensor], None]
    mixed: bool
    scale: float = 1.0
    clip: float | None = None


def train(
    network: nn.Module,
    forward: Callable[..., Tensor],
    course: Course[B],
    optimizer: torch.optim.Optimizer,
    state: State,
) -> None:
    """Train what has gradients in `network`, in place, and leave it in evaluation mode.

    `forward` is the network, or what wraps or compiles it. Deterministic in the batches and the state of torch's random
    numbers on one device.
    """
    device = next(network.parameters()).device.type
    for batch in course.batches:
        network.train()
        for group in optimizer.param_groups:
            group["lr"] = course.rate(group, state.step)
        with torch.autocast(device, torch.bfloat16, enabled=course.mixed):
            out = forward(*course.inputs(batch))
        loss = course.loss(out.float(), batch)
        optimizer.zero_grad(set_to_none=True)
        (loss * course.scale).backward()  # type: ignore[no-untyped-call]
        if course.clip is not None:
            nn.utils.clip_grad_norm_(network.parameters(), course.clip)
        optimizer.step()
        state.step += 1
        course.after(loss)
        if state.finished:
            break
    network.eval()


class Stopwatch:
    """Counts the samples or records a second since it was made."""

    def __init__(self) -> None:
        self._began, self._count = time.monotonic(), 0

    def add(self, count: int) -> float:
        """Count some more; return the mean rate so far."""
        self._count += count
        return self._count / max(time.monotonic() - self._began, 1e-9)
