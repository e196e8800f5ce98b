"""The work after each step of a training on records: validation at the end of an epoch, checkpoints, the report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from distortion_heads.errors import DataError
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.loop import Progress, State, Stopwatch
from distortion_heads.training.networks.processes import Processes
from distortion_heads.training.networks.recipes import RecordRecipe

SAVE_EVERY = 200
"""Steps between checkpoints within an epoch; there is one after each epoch too, and at the end."""

LARGE = 1 << 25
"""Bytes from which checkpoints are so rare that they take `SAVING_SHARE` of the time: a wide head has 95 MB in one."""

SAVING_SHARE = 0.1


@dataclass(eq=False)
class Pace:
    """Leaves out checkpoints that come too soon after a large one."""

    clock: Callable[[], float] = time.monotonic
    due: float = -math.inf

    def save(self, write: Callable[[], int], *, always: bool) -> None:
        """Call `write`, which returns the bytes that it wrote, if another checkpoint is due."""
        began = self.clock()
        if began < self.due and not always:
            return
        size = write()
        self.due = began + (self.clock() - began) / SAVING_SHARE if size > LARGE else -math.inf


@dataclass(frozen=True, kw_only=True, eq=False)
class Epochs:
    """`kept()` is what training changes, `measure()` the validation loss.

    After `recipe.patience` epochs without a lower one `stalled()` says whether training ends. `keeps_best`: remember
    the weights of the least one.
    """

    kept: Callable[[], Mapping[str, Tensor]]
    measure: Callable[[], float] | None
    optimizer: torch.optim.Optimizer
    state: State
    per_epoch: int
    recipe: RecordRecipe
    checkpoint: Checkpoint
    processes: Processes
    report: Callable[[Progress], None]
    stalled: Callable[[], bool] = lambda: True
    keeps_best: bool = True
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    pace: Pace = field(default_factory=Pace)

    def after(self, loss: Tensor) -> None:
        """Raise `DataError` if the loss is no number where a checkpoint is due."""
        state, measured, value = self.state, None, loss.item()
        epoch, rest = divmod(state.step, self.per_epoch)
        if rest == 0:
            measured = self._validate()
            patience = self.recipe.patience
            state.finished = epoch == self.recipe.epochs or (0 < patience <= state.stale and self.stalled())
        if measured is not None or state.finished or state.step % SAVE_EVERY == 0:
            value = sum(self.processes.gather(value))
            if not math.isfinite(value):
                raise DataError("the loss is no number: lower --rate, or train with --precision float32")
            if self.processes.is_first:  # all have the same state
                self.pace.save(lambda: self.checkpoint.save(self.kept(), self.optimizer, state), always=state.finished)
        rate = self.stopwatch.add(self.recipe.images_per_batch)
        if self.processes.is_first:
            epoch = (state.step - 1) // self.per_epoch + 1
            shown = Progress(
                step=state.step,
                steps=self.recipe.epochs * self.per_epoch,
                epoch=epoch,
                loss=value,
                per_second=rate,
                validation=measured,
            )
            self.report(shown)

    def _validate(self) -> float | None:
        """Measure, and remember the weights of the least loss, and for how many epochs it has not been undercut."""
        if self.measure is None:
            return None
        measured = self.measure()
        if measured < self.state.least:
            self.state.least, self.state.stale = measured, 0
            if self.keeps_best:
                self.state.best = {name: value.to("cpu", copy=True) for name, value in self.kept().items()}
        else:
            self.state.stale += 1
        return measured
