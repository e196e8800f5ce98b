"""Joint multi-task training on a labelled dataset: the loop, from top to bottom.

Ameur, Fezza, Hamidouche 2022: N heads on one backbone, the uniform mean of their binary cross-entropies, on patches
that carry the labels of their picture. The backbone is frozen (then `samples` are its features) or learns too.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from distortion_heads._system.errors_text import reason
from distortion_heads.errors import DataError
from distortion_heads.training.networks.processes import Processes
from distortion_heads.training.networks.recipes import RecordRecipe
from distortion_heads.training.networks.record_samples import Batch, Samples, steps_per_epoch, stream
from distortion_heads.training.networks.towers import MultiTask

SEVERITY_WEIGHT, SEVERITY_BETA = 0.3, 0.5
SAVE_EVERY = 200
"""Steps between checkpoints within an epoch; there is one after each epoch too."""

PATCHES_AT_ONCE = 64
"""In validation."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What the caller is told. `validation` where an epoch was just validated.

    `loss` of the last step; that of the first process' share alone, but where a checkpoint was just written.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    records_per_second: float
    validation: float | None = None


@dataclass(kw_only=True)
class State:
    """Where training is. `stale`: epochs since the least validation loss, whose weights are in `best`."""

    step: int = 0
    stale: int = 0
    least: float = math.inf
    best: dict[str, Tensor] = field(default_factory=dict)
    finished: bool = False


def train(
    network: MultiTask,
    fit: Samples,
    validation: Samples | None,
    recipe: RecordRecipe,
    checkpoint: Checkpoint,
    processes: Processes,
    report: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Train what has gradients in `network`, in place; go on from the checkpoint if there is one.

    With `recipe.patience` the weights are those of the least validation loss. The result depends on the recipe's seed
    and the samples, and but for rounding not on the number of processes.
    Raises `DataError` if the checkpoint belongs to another run or the loss is no number.
    """
    if recipe.images_per_batch < processes.size:
        raise DataError(f"{processes.size} processes cannot share batches of {recipe.images_per_batch}: raise --batch")
    device = processes.device
    network.to(device)
    optimizer = torch.optim.AdamW(parameter_groups(network, recipe), lr=recipe.rate, eps=1e-7)
    state = checkpoint.load(network, optimizer)
    model = processes.wrap(network)
    per_epoch = steps_per_epoch(len(fit.targets), recipe)
    steps = 0 if state.finished else recipe.epochs * per_epoch
    mixed = recipe.precision == "bfloat16" or (recipe.precision == "auto" and device.startswith("cuda"))
    tell = report if processes.is_first else lambda progress: None
    began, first = time.monotonic(), state.step

    for batch in stream(fit, recipe, processes, state.step, steps):
        model.train()
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] / (1 + recipe.rate_decay * state.step)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=mixed):
            out = model(batch.x.to(device), tuple(mask.to(device) for mask in batch.masks))
        loss = multitask_loss(out.float(), batch)
        optimizer.zero_grad(set_to_none=True)
        (loss * processes.size).backward()  # type: ignore[no-untyped-call]  # gradients are averaged over processes
        optimizer.step()
        state.step += 1

        measured = None
        if state.step % per_epoch == 0:
            epoch = state.step // per_epoch
            if validation is not None:
                measured = validation_loss(network, validation, processes)
                update_best(state, network, measured)
            state.finished = epoch == recipe.epochs or bool(recipe.patience and state.stale >= recipe.patience)
        value = loss.item()
        if measured is not None or state.finished or state.step % SAVE_EVERY == 0:
            value = sum(processes.gather(value))
            if not math.isfinite(value):
                raise DataError("the loss is no number: lower --rate, or train with --precision float32")
            checkpoint.save(network, optimizer, state, processes)
        tell(
            Progress(
                step=state.step,
                steps=steps,
                epoch=(state.step - 1) // per_epoch + 1,
                loss=value,
                records_per_second=(state.step - first) * recipe.images_per_batch / (time.monotonic() - began + 1e-9),
                validation=measured,
            )
        )
        if state.finished:
            break

    if recipe.patience and state.best:
        network.load_state_dict(state.best, strict=False)
    network.eval()


def multitask_loss(out: Tensor, batch: Batch) -> Tensor:
    """This process' part of the batch's loss; `out` (P, N, outputs).

    The mean over records, patches and heads of the binary cross-entropy; where there is a severity output, also
    smooth L1 on the severities that are known.
    """
    weight, owner = batch.weight.to(out.device)[:, None], batch.owner.to(out.device)
    presence, severity = batch.presence.to(out.device)[owner], batch.severity.to(out.device)[owner]
    loss = (weight * functional.binary_cross_entropy_with_logits(out[..., 0], presence, reduction="none")).sum()
    if out.shape[-1] > 1:
        known = severity.isfinite()
        miss = functional.smooth_l1_loss(out[..., 1], severity.nan_to_num(3.0), beta=SEVERITY_BETA, reduction="none")
        loss = loss + SEVERITY_WEIGHT * (weight * miss * known).sum()
    return loss / out.shape[1]


@torch.no_grad()
def validation_loss(network: MultiTask, samples: Samples, processes: Processes) -> float:
    """Mean over the records of the cross-entropy of their patches, as predicted; each process takes its share."""
    network.eval()
    total = 0.0
    for i in range(processes.rank, len(samples.targets), processes.size):
        x = torch.from_numpy(samples.load(i, None))
        parts = [network(part.to(processes.device)) for part in torch.split(x, PATCHES_AT_ONCE)]
        logits = torch.cat(parts)[..., 0].float().cpu()
        presence = torch.from_numpy(samples.targets.presence[i]).expand_as(logits)
        total += float(functional.binary_cross_entropy_with_logits(logits, presence))
    return sum(processes.gather(total)) / len(samples.targets)


def update_best(state: State, network: MultiTask, measured: float) -> None:
    """Remember the weights of the least validation loss, and for how many epochs it has not been undercut."""
    if measured < state.least:
        state.least, state.stale, state.best = measured, 0, _copy(trained_state(network))
    else:
        state.stale += 1


def parameter_groups(network: MultiTask, recipe: RecordRecipe) -> list[dict[str, Any]]:
    """Two rates; biases are not decayed."""
    groups = []
    for module, rate in ((network.towers, recipe.rate), (network.backbone, recipe.backbone_rate)):
        if module is None:
            continue
        for decayed in (True, False):
            chosen = [
                parameter
                for name, parameter in module.named_parameters()
                if parameter.requires_grad and (parameter.ndim > 1 and "biases" not in name) == decayed
            ]
            if chosen:
                groups.append({"params": chosen, "rate": rate, "weight_decay": recipe.weight_decay if decayed else 0.0})
    return groups


def trained_state(network: MultiTask) -> dict[str, Tensor]:
    """What training changes: the parameters with gradients and, where they learn, the statistics of normalisation."""
    found: dict[str, Tensor] = {name: value for name, value in network.named_parameters() if value.requires_grad}
    if network.backbone is not None and network.backbone.learns_norms:
        found |= dict(network.named_buffers())
    return {name: value.detach() for name, value in found.items()}


def _copy(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.to("cpu", copy=True) for name, value in state.items()}


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run on disk; written atomically, read with `weights_only`, so that no code is ever executed.

    `identity` stands for everything that decides the result.
    """

    path: Path
    identity: str

    def save(self, network: MultiTask, optimizer: torch.optim.Optimizer, state: State, processes: Processes) -> None:
        """The first process writes; all have the same state."""
        if not processes.is_first:
            return
        content = {
            "identity": self.identity,
            "state": vars(state),
            "network": trained_state(network),
            "optimizer": optimizer.state_dict(),
        }
        temporary = self.path.with_suffix(".tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as stream:
                torch.save(content, stream)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self.path)
        except OSError as error:
            raise DataError(f"cannot write {self.path}: {reason(error)}") from None

    def load(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> State:
        """Restore in place and return where to go on; the beginning where there is no checkpoint."""
        if not self.path.exists():
            return State()
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            identity, state = content["identity"], State(**content["state"])
        except Exception as error:  # whatever a torn file makes torch raise
            raise DataError(f"{self.path} is damaged ({type(error).__name__}): remove it to begin again") from None
        if identity != self.identity:
            raise DataError(f"{self.path} belongs to another recipe, backbone or dataset: choose another --out")
        network.load_state_dict(content["network"], strict=False)
        optimizer.load_state_dict(content["optimizer"])
        return state
