"""Fit one head, a small perceptron, on frozen features. Seconds on a CPU."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from distortion_heads.spec import Layer
from distortion_heads.training.examples import Examples

HIDDEN = 32
BATCH = 512
LEARNING_RATE = 5e-4
WEIGHT_DECAY = 0.05
DROPOUT = 0.2
EPOCHS_SMALL, MIN_STEPS, MAX_STEPS = 40, 300, 2500


class _Head(nn.Module):
    """(B, dim) -> (B, outputs): presence logit, and severity around 3."""

    def __init__(self, dim: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Linear(dim, HIDDEN)
        self.last = nn.Linear(HIDDEN, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.dropout(x, DROPOUT, self.training)
        out: Tensor = self.last(torch.relu(self.first(x)))
        return out

    def load(self, first: Layer, last: Layer) -> None:
        bias = last.bias.copy()
        bias[1:] -= 3.0
        arrays = {"first.weight": first.weight, "first.bias": first.bias, "last.weight": last.weight, "last.bias": bias}
        self.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})


def fit_layers(
    examples: Examples, *, with_severity: bool, seed: int, start: tuple[Layer, Layer] | None = None
) -> tuple[Layer, ...]:
    """Fit dim -> 32 -> (presence[, severity]) on windows that carry their image's label.

    Both classes count alike; severity is fitted where it is known. `start` goes on from the layers of joint training.
    Deterministic in `seed`. Layers are float32.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = _Head(examples.windows.shape[1], 2 if with_severity else 1)
        if start is not None:
            head.load(*start)
        _optimise(head, examples, with_severity, np.random.default_rng(seed))
    bias = head.last.bias.detach().numpy().copy()
    if with_severity:
        bias[1] += 3.0
    first = Layer(weight=_array(head.first.weight), bias=_array(head.first.bias), activation="relu")
    return first, Layer(weight=_array(head.last.weight), bias=bias, activation="identity")


def _optimise(head: _Head, examples: Examples, with_severity: bool, rng: np.random.Generator) -> None:
    owner = examples.owner
    label = examples.labels[owner].astype(np.float32)
    severity = np.where(examples.labels, examples.severity, np.nan)[owner] - np.float32(3)
    weight = _balance(examples, owner)
    steps = int(np.clip(EPOCHS_SMALL * len(owner) / BATCH, MIN_STEPS, MAX_STEPS))
    optimizer = torch.optim.AdamW(head.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1)
    order = np.empty(0, np.int64)
    head.train()
    for _ in range(steps):
        if len(order) < min(BATCH, len(owner)):
            order = rng.permutation(len(owner))
        batch, order = np.sort(order[:BATCH]), order[BATCH:]
        out = head(torch.from_numpy(examples.windows[batch].astype(np.float32)))
        w = torch.from_numpy(weight[batch])
        loss = nn.functional.binary_cross_entropy_with_logits(out[:, 0], torch.from_numpy(label[batch]), w)
        if with_severity:
            known = np.flatnonzero(np.isfinite(severity[batch]))
            if len(known):
                target = torch.from_numpy(severity[batch][known])
                loss = loss + 0.3 * nn.functional.smooth_l1_loss(out[known, 1], target, beta=0.5)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    head.eval()


def _balance(examples: Examples, owner: NDArray[np.int64]) -> NDArray[np.float32]:
    """A weight per window: every image counts alike, and so do both classes; the mean is 1."""
    per_image = 1.0 / np.diff(examples.starts)
    positive = max(int(examples.labels.sum()), 1)
    negative = max(len(examples) - positive, 1)
    per_image = per_image * np.where(examples.labels, 1 / positive, 1 / negative)
    weight = per_image[owner]
    balanced: NDArray[np.float32] = (weight / weight.mean()).astype(np.float32)
    return balanced


def _array(parameter: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = parameter.detach().numpy().copy()
    return array
