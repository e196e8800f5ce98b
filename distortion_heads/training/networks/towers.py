"""N heads of any depth as one product per layer, and the network that they and a backbone make."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from distortion_heads.backbones.with_torch.networks import TrainableBackbone
from distortion_heads.heads.head import Layer


class Towers(nn.Module):
    """N perceptrons dim -> hidden -> ... -> outputs, with ReLU and dropout after each hidden layer."""

    def __init__(self, dim: int, heads: int, hidden: Sequence[int], *, severity: bool) -> None:
        """Output 0 is the presence logit; with `severity`, output 1 is the severity, which starts at 3."""
        super().__init__()
        sizes = [dim, *hidden, 2 if severity else 1]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for inputs, outputs in pairwise(sizes):
            bound = (6 / (inputs + outputs)) ** 0.5  # Glorot, Bengio 2010
            self.weights.append(nn.Parameter(torch.empty(heads, inputs, outputs).uniform_(-bound, bound)))
            self.biases.append(nn.Parameter(torch.zeros(heads, 1, outputs)))
        if severity:
            self.biases[-1].data[..., 1] = 3.0

    def forward(self, features: Tensor, masks: Sequence[Tensor] = ()) -> Tensor:
        """(B, dim) -> (B, N, outputs); `masks` (B, N, width), one for each hidden layer, multiply its activations."""
        x = features
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.matmul(x, weight) + bias
            if i < last:
                x = torch.relu(x)
                x = x * masks[i].transpose(0, 1) if masks else x
        return x.transpose(0, 1)

    def layers(self, head: int) -> tuple[Layer, ...]:
        """The layers of one head, as its file has them."""
        last = len(self.weights) - 1
        return tuple(
            Layer(
                weight=np.ascontiguousarray(weight[head].detach().float().cpu().numpy().T),
                bias=bias[head, 0].detach().float().cpu().numpy().copy(),
                activation="relu" if i < last else "identity",
            )
            for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True))
        )


class MultiTask(nn.Module):
    """p_i = g_i(f(I)): patches (or, without a backbone, their features) -> (B, N, outputs)."""

    def __init__(self, backbone: TrainableBackbone | None, towers: Towers) -> None:
        super().__init__()
        self.backbone, self.towers = backbone, towers

    def forward(self, x: Tensor, masks: Sequence[Tensor] = ()) -> Tensor:
        features = x.float() if self.backbone is None else self.backbone(x)
        out: Tensor = self.towers(features, masks)
        return out
