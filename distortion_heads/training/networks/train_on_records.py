"""Training of heads, and of a backbone that is not frozen, on a labelled dataset.

As Ameur, Fezza, Hamidouche 2022 do: N heads on one backbone, on patches that carry the labels of their picture. The
backbone is frozen (then `samples` are its features) or learns too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from distortion_heads.errors import DataError
from distortion_heads.training.networks.checkpoint import Checkpoint
from distortion_heads.training.networks.epochs import Epochs
from distortion_heads.training.networks.loop import Course, Progress, train
from distortion_heads.training.networks.processes import Processes
from distortion_heads.training.networks.recipes import RecordRecipe
from distortion_heads.training.networks.record_samples import Batch, Samples, Targets, steps_per_epoch, stream
from distortion_heads.training.networks.towers import MultiTask

SEVERITY_WEIGHT, SEVERITY_BETA = 0.3, 0.5
PATCHES_AT_ONCE = 64
"""In validation."""


def train_on_records(
    network: MultiTask,
    fit: Samples,
    validation: Samples | None,
    recipe: RecordRecipe,
    checkpoint: Checkpoint,
    processes: Processes,
    report: Callable[[Progress], None] = lambda progress: None,
) -> float:
    """Train what has gradients in `network`, in place; go on from the checkpoint if there is one.

    Returns the least validation loss, infinite without `validation`.

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
    per_epoch = steps_per_epoch(len(fit.targets), recipe)
    steps = 0 if state.finished else recipe.epochs * per_epoch
    epochs = Epochs(
        kept=lambda: trained_state(network),
        measure=None if validation is None else lambda: validation_loss(network, validation, processes),
        optimizer=optimizer,
        state=state,
        per_epoch=per_epoch,
        recipe=recipe,
        checkpoint=checkpoint,
        processes=processes,
        report=report,
        keeps_best=recipe.patience > 0,
    )
    course = Course(
        batches=stream(fit, recipe, processes, state.step, steps),
        inputs=lambda batch: (batch.x.to(device), tuple(mask.to(device) for mask in batch.masks)),
        loss=multitask_loss if fit.targets.scores is None else score_loss,
        rate=lambda group, step: float(group["rate"] / (1 + recipe.rate_decay * step)),
        after=epochs.after,
        mixed=recipe.precision == "bfloat16" or (recipe.precision == "auto" and device.startswith("cuda")),
        scale=processes.size,  # gradients are averaged over processes
    )
    train(network, processes.wrap(network), course, optimizer, state)
    if state.best:
        network.load_state_dict(state.best, strict=False)
    return state.least


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


def score_loss(out: Tensor, batch: Batch) -> Tensor:
    """This process' part of the batch's loss; `out` (P, N, 1): the mean over heads of the squared error where known.

    Lin, Hosu, Saupe 2020: the tasks count alike, for equalised scores have one distribution.
    """
    assert batch.scores is not None
    weight, owner = batch.weight.to(out.device)[:, None], batch.owner.to(out.device)
    scores = batch.scores.to(out.device)[owner]
    missed = (out[..., 0] - scores.nan_to_num()).square() * scores.isfinite()
    return (weight * missed).sum() / out.shape[1]


@torch.no_grad()
def validation_loss(network: MultiTask, samples: Samples, processes: Processes) -> float:
    """Mean over the records of the cross-entropy of their patches; each process takes its share.

    Of scores: of the squared error of the patches' mean, which is the picture's score.
    """
    network.eval()
    total = 0.0
    for i in range(processes.rank, len(samples.targets), processes.size):
        x = torch.from_numpy(samples.load(i, None))
        parts = [network(part.to(processes.device)) for part in torch.split(x, PATCHES_AT_ONCE)]
        logits = torch.cat(parts)[..., 0].float().cpu()
        total += _record_loss(logits, samples.targets, i)
    return sum(processes.gather(total)) / len(samples.targets)


def _record_loss(out: Tensor, targets: Targets, record: int) -> float:
    if targets.scores is None:
        presence = torch.from_numpy(targets.presence[record]).expand_as(out)
        return float(functional.binary_cross_entropy_with_logits(out, presence))
    scores = torch.from_numpy(targets.scores[record])
    missed = (out.mean(0) - scores.nan_to_num()).square() * scores.isfinite()
    return float(missed.mean())


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
    """Return what training changes: parameters with gradients and, if they learn, the statistics of normalisation."""
    found: dict[str, Tensor] = {name: value for name, value in network.named_parameters() if value.requires_grad}
    if network.backbone is not None and network.backbone.learns_norms:
        found |= dict(network.named_buffers())
    return {name: value.detach() for name, value in found.items()}
