"""The networks of Lai, Chu, Leng: classes and a score learnt together, and then ratings, on one backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from distortion_heads.backbones.with_torch.networks import TrainableBackbone
from distortion_heads.heads.head import Layer
from distortion_heads.training.networks.lessons import Lesson, Teaching, train_lesson
from distortion_heads.training.networks.record_samples import Batch

WIDTH, SCORE_WIDTH, RATING_WIDTH = 1024, 512, 256
"""Units of the first layer of each branch, of the second of the score, and of what learns ratings."""

DROPPED = 0.5
"""Share of the features that are left out where ratings are learnt."""


class TwoBranches(nn.Module):
    """Patches -> logits of the classes and then, with `scored`, the score: (P, classes + 1).

    The score reads the first layer of both branches. Without `classes` there is no other branch.
    """

    def __init__(self, backbone: TrainableBackbone, classes: int, *, scored: bool = True) -> None:
        super().__init__()
        self.backbone, self.classes, self.scored = backbone, classes, scored
        if classes:
            self.class_first, self.class_last = _linear(backbone.dim, WIDTH), _linear(WIDTH, classes)
        if scored:
            read = WIDTH * (2 if classes else 1)
            self.score_first = _linear(backbone.dim, WIDTH)
            self.score_second, self.score_last = _linear(read, SCORE_WIDTH), _linear(SCORE_WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = self.backbone(x)
        read, out = [], []
        if self.scored:
            read.append(self.score_first(features))
        if self.classes:
            read.append(self.class_first(features))
            out.append(self.class_last(read[-1].relu()))
        if self.scored:
            out.append(self.score_last(self.score_second(torch.cat(read, 1).relu()).relu()))
        return torch.cat(out, 1)

    def score_layers(self) -> tuple[Layer, ...]:
        """Return the layers of the score, as a head's file has them."""
        firsts = [self.score_first, *([self.class_first] if self.classes else [])]
        weight = torch.cat([first.weight for first in firsts])
        bias = torch.cat([first.bias for first in firsts])
        return _layers([(weight, bias), *((part.weight, part.bias) for part in (self.score_second, self.score_last))])


class Rating(nn.Module):
    """Patches -> (P, 1): dropout, one hidden layer, the rating."""

    def __init__(self, backbone: TrainableBackbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.first, self.last = _linear(backbone.dim, RATING_WIDTH), _linear(RATING_WIDTH, 1)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """`mask` (P, dim) multiplies the features."""
        features = self.backbone(x)
        out: Tensor = self.last(self.first(features if mask is None else features * mask).relu())
        return out

    def score_layers(self) -> tuple[Layer, ...]:
        """Return the layers of the rating, as a head's file has them."""
        return _layers([(part.weight, part.bias) for part in (self.first, self.last)])


def train_branches(network: TwoBranches, lesson: Lesson, *, several: bool) -> float:
    """Train classes and score together, in place; return the least validation loss.

    `several`: a picture may be of more than one class. The score starts at the mean of what it learns, for at its rate
    it would not get there.
    """
    device, recipe = lesson.processes.device, lesson.recipe

    def loss(out: Tensor, batch: Batch) -> Tensor:
        return branch_loss(out, batch, network.classes, several=several)

    groups: list[tuple[nn.Module, float]] = [(network.backbone, recipe.backbone_rate)]
    if network.classes:
        groups += [(network.class_first, recipe.rate), (network.class_last, recipe.rate)]
    if network.scored:
        parts = (network.score_first, network.score_second, network.score_last)
        groups += [(part, recipe.score_rate) for part in parts]
        _start_at_mean(network.score_last, lesson)
    teaching = Teaching(
        optimizer=torch.optim.Adam(_parameter_groups(groups)),
        inputs=lambda batch, step: (batch.x.to(device),),
        loss=loss,
        validated=loss,
    )
    return train_lesson(network, lesson, teaching)


def train_rating(network: Rating, lesson: Lesson) -> float:
    """Train on `quality` alone, in place; return the least validation loss."""
    recipe, processes = lesson.recipe, lesson.processes
    _start_at_mean(network.last, lesson)
    groups = [(network.backbone, recipe.backbone_rate), (network.first, recipe.rate), (network.last, recipe.rate)]

    def inputs(batch: Batch, step: int) -> tuple[Tensor, Tensor]:
        shape = (len(batch.x), network.backbone.dim)
        kept = np.random.default_rng((3, recipe.seed, step, processes.rank)).random(shape, np.float32) >= DROPPED
        mask = torch.from_numpy(kept.astype(np.float32)) / (1 - DROPPED)
        return batch.x.to(processes.device), mask.to(processes.device)

    def loss(out: Tensor, batch: Batch) -> Tensor:
        return branch_loss(out, batch, 0, several=False)

    optimizer = torch.optim.Adam(_parameter_groups(groups))
    return train_lesson(network, lesson, Teaching(optimizer=optimizer, inputs=inputs, loss=loss, validated=loss))


def branch_loss(out: Tensor, batch: Batch, classes: int, *, several: bool) -> Tensor:
    """Return the cross-entropy of the first `classes` outputs and the absolute error of one after them, if any.

    Both are means over records. With `several` the entropy is the sum of those of each class by itself.
    """
    owner, weight = batch.owner.to(out.device), batch.weight.to(out.device)
    loss = out.new_zeros(len(out))
    if classes:
        logits, truth = out[:, :classes], batch.presence.to(out.device)[owner]
        each = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none") if several else (
            -truth * functional.log_softmax(logits, 1)
        )  # fmt: skip
        loss = loss + each.sum(1)
    if out.shape[1] > classes:
        loss = loss + (out[:, classes] - batch.quality.to(out.device)[owner]).abs()
    return (weight * loss).sum()


def _start_at_mean(last: nn.Linear, lesson: Lesson) -> None:
    nn.init.zeros_(last.weight)  # random ones are far off, and an absolute error says only in which direction
    nn.init.constant_(last.bias, float(np.mean(lesson.fit.targets.quality)))


def _parameter_groups(modules: Sequence[tuple[nn.Module, float]]) -> list[dict[str, Any]]:
    groups = [([value for value in module.parameters() if value.requires_grad], rate) for module, rate in modules]
    return [{"params": values, "rate": rate} for values, rate in groups if values]


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """Return a layer as He, Zhang, Ren, Sun 2015 begin."""
    layer = nn.Linear(inputs, outputs)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    return layer


def _layers(parts: Sequence[tuple[Tensor, Tensor]]) -> tuple[Layer, ...]:
    found = [(weight.detach().float().cpu().numpy(), bias.detach().float().cpu().numpy()) for weight, bias in parts]
    return tuple(
        Layer(weight=weight.copy(), bias=bias.copy(), activation="identity" if i == len(found) - 1 else "relu")
        for i, (weight, bias) in enumerate(found)
    )
